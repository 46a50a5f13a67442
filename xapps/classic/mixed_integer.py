"""Mixed-integer linear programs by HiGHS, on one thread, silently, from a known start.

minimise cost x   subject to  low <= rows x <= high,  lower <= x <= upper,  x integer where said
"""

from __future__ import annotations

from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from xapps.classic.cell import Array, Indices


@dataclass(frozen=True, slots=True, eq=False)
class Program:
    """One program over n columns and m rows."""

    cost: Array
    """Shape (n,)."""
    rows: sparse.csr_matrix
    """Shape (m, n)."""
    low: Array
    """Shape (m,)."""
    high: Array
    """Shape (m,)."""
    upper: Array
    """Of the columns, shape (n,); all are at least 0."""
    integral: NDArray[np.bool_]
    """Shape (n,)."""


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What the solver found in time."""

    x: Array | None
    """The best point found; None if none was."""
    bound: float
    """No point costs less; inf if there is no point at all, -inf if nothing is known."""


@dataclass(frozen=True, slots=True, eq=False)
class Start:
    """Values of some columns from which the solver completes a point, if there is one."""

    column: Indices
    value: Array


def minimise(program: Program, relative_gap: float, time_limit_s: float, start: Start | None = None) -> Answer:
    """The optimum within a relative gap, or what was found when time was up."""
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    for option, value in (("threads", 1), ("mip_rel_gap", relative_gap), ("time_limit", time_limit_s)):
        solver.setOptionValue(option, value)
    solver.passModel(_model(program))
    if start is not None:
        solver.setSolution(len(start.column), start.column.astype(np.int32), start.value.astype(np.float64))
    solver.run()
    status, info = solver.getModelStatus(), solver.getInfo()
    if status == highspy.HighsModelStatus.kInfeasible:
        return Answer(None, np.inf)
    found = info.primal_solution_status == highspy.SolutionStatus.kSolutionStatusFeasible
    x = np.array(solver.getSolution().col_value) if found else None
    return Answer(x, float(info.mip_dual_bound))


def _model(program: Program) -> highspy.HighsLp:
    rows, columns = program.rows.shape
    by_row = program.rows.tocsr()
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, rows
    model.col_cost_, model.col_lower_, model.col_upper_ = program.cost, np.zeros(columns), program.upper
    model.row_lower_, model.row_upper_ = program.low, program.high
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.num_col_, model.a_matrix_.num_row_ = columns, rows
    model.a_matrix_.start_, model.a_matrix_.index_ = by_row.indptr, by_row.indices
    model.a_matrix_.value_ = by_row.data
    kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
    model.integrality_ = [kinds[integral] for integral in program.integral.tolist()]
    return model
