"""How the node names its cells, slices and UEs on the wire."""

from __future__ import annotations

from dataclasses import dataclass

from e2sim.node.settings import NodeSettings
from e2sim.scenario import Scenario
from oran.e2sm.identifiers import EutraCgi, GnbCuUpUeId, GnbDuUeId, GnbUeId, NrCgi, Snssai, UeId

NCI_BITS = 36
"""NR cell identity: the gNB id, then the cell's number in the gNB (TS 38.300, 8.2)."""

STANDARD_SST = {"embb": 1, "urllc": 2, "miot": 3, "mmtc": 3}
"""Standardised slice/service types (TS 23.501, table 5.15.2.2-1) by slice name."""

OPERATOR_SST = 128
"""First of the values that are the operator's own."""


@dataclass(frozen=True, slots=True)
class Identities:
    """Names of one node's parts.

    A cell is an RU, numbered from 1 in its gNB. A slice has the service type that its name stands for, and its place
    in the scenario, from 1, as differentiator. A UE is named by the scenario's number for it.
    """

    settings: NodeSettings
    scenario: Scenario

    def cell(self, index: int) -> NrCgi:
        """Name of the cell of RU ``index``."""
        settings = self.settings
        return NrCgi(settings.plmn, (settings.gnb_id << (NCI_BITS - settings.gnb_id_bits)) + index + 1)

    def cell_index(self, cell: NrCgi | EutraCgi) -> int | None:
        """RU of a cell; None if it is not ours."""
        if not isinstance(cell, NrCgi):
            return None
        return next((index for index in range(self.scenario.num_rus) if self.cell(index) == cell), None)

    def slice(self, index: int) -> Snssai:
        """S-NSSAI of slice ``index``."""
        name = self.scenario.slice_names[index].lower()
        return Snssai(STANDARD_SST.get(name, OPERATOR_SST), index + 1)

    def slice_indices(self, wanted: Snssai) -> tuple[int, ...]:
        """Slices of an S-NSSAI; without differentiator all of that service type."""
        known = [self.slice(index) for index in range(len(self.scenario.slices))]
        return tuple(i for i, own in enumerate(known) if own == wanted or (wanted.sd is None and own.sst == wanted.sst))

    @staticmethod
    def ue(ue_id: int) -> GnbDuUeId:
        """Name of a UE in reports."""
        return GnbDuUeId(ue_id)

    @staticmethod
    def ue_number(ue: UeId) -> int:
        """The UE that a request names, in whichever of the forms of E2SM, 6.2.3.2."""
        match ue:
            case GnbDuUeId():
                return ue.f1ap_id
            case GnbCuUpUeId():
                return ue.e1ap_id
            case GnbUeId():
                return ue.f1ap_ids[0] if ue.f1ap_ids else ue.amf_ue_ngap_id
