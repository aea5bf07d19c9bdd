"""Write every generated block into its document, and every picture of a terminal."""

from tests.support.documents import BLOCKS, written
from tests.support.documents.pictures import pictures
from tests.support.paths import ROOT

for each in BLOCKS:
    (ROOT / each).write_text(written(each))
for name, picture in pictures().items():
    (ROOT / name).write_text(picture)
