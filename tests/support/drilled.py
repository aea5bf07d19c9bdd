"""A drill of some faults as a program, which the command line has for one fault or for all."""

import asyncio
import json
import sys

from sse_observe.lab.drill.drill import Drill
from sse_observe.lab.drill.faults import faults_named

if __name__ == "__main__":
    faults = [fault for name in sys.argv[1:] for fault in faults_named(name)]
    drill = Drill(faults, lambda _: None)
    json.dump(asyncio.run(drill.run()).document(), sys.stdout)
