"""What the bundle says: signals, boards and alerts, as data. Imports no renderer."""
