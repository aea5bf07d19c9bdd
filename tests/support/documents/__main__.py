"""Write every generated block into its document."""

from tests.support.documents import BLOCKS, written
from tests.support.paths import ROOT

for each in BLOCKS:
    (ROOT / each).write_text(written(each))
