"""How the files beside this one were made: ``python write.py`` with the ROOT of PyPI (root 0.1a12, ROOT 6.38).

``ratio.cxx`` has the members, bases and class versions of QualityControl ``Modules/Common`` ``TH2Ratio.h`` and
``TH1Ratio.h`` @ 4c13cad, and of AliceO2 ``Mergers/MergeInterface.h`` @ 0fb77dc. Not run by any test.
"""

from typing import Any

import ROOT

ROOT.gROOT.LoadMacro("ratio.cxx+")
RATIOS = ROOT.o2.quality_control_modules.common


def write(name: str, ratio: Any) -> None:
    ratio.update()
    file = ROOT.TFile(name, "RECREATE")
    file.WriteObjectAny(ratio, ratio.IsA(), "ccdb_object")
    file.Close()


uniform = RATIOS.TH2Ratio["TH2D"]("Layer0/ClusterOccupation", "Cluster Occupancy", 9, 0, 9, 12, 0, 12, True)
bins = RATIOS.TH2Ratio["TH2F"]("Layer0/AverageClusterSize", "Size", 9, 0, 9, 12, 0, 12, False)
for x in range(9):
    for y in range(12):
        uniform.getNum().SetBinContent(x + 1, y + 1, 100 * x + y)
        bins.getNum().SetBinContent(x + 1, y + 1, 100 * x + y)
        bins.getDen().SetBinContent(x + 1, y + 1, x * y)
    for part in (uniform, uniform.getNum()):
        part.GetXaxis().SetBinLabel(x + 1, f"Chip {x}")
for y in range(12):
    for part in (bins, bins.getNum(), bins.getDen()):
        part.GetYaxis().SetBinLabel(y + 1, f"Stave {y}")
uniform.getDen().SetBinContent(1, 1, 500)
write("uniform.root", uniform)
write("bins.root", bins)

one = RATIOS.TH1Ratio["TH1D"]("NClusters", "hNClusters", 15, -0.5, 14.5, True)
for x in range(15):
    one.getNum().SetBinContent(x + 1, x * x)
one.getDen().SetBinContent(1, 50)
write("one.root", one)
