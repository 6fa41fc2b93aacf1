"""What is the matter with a device, found in its readings: frames in, a frame out.

`looks` shows each day of a shop with half a day before and after it; `clocks` puts the readings of
a wrong clock right; then each family of detectors marks readings (`presence`, `still`, `spikes`,
`levels`, `scales`), and `intervals` makes faults of the marks. One row of silver.readings is used
by two days, and nothing else is: what is found of a day follows from the readings of that look, so
that a day can be worked out by itself.

Every window is partitioned by day and device (or by what it compares devices in) and ordered by
time. Each threshold says where it comes from; docs/decisions/device-faults.md has what was tried.
"""

from pyspark.sql import DataFrame

from lakehouse.faults import clocks, intervals, levels, looks, presence, scales, spikes, still

# What silver.device_faults may say of a device.
KINDS = (
    "gap",
    "silent",
    "dying_battery",
    "low_battery",
    "burst",
    "wrong_clock",
    "stuck",
    "spike",
    "drift",
    "step",
    "step_at_calibration",
)
REACH = looks.REACH


def found(readings: DataFrame, devices: DataFrame, calibrations: DataFrame) -> DataFrame:
    """Every fault of every device, day by day.

    Takes   readings, devices, calibrations  silver tables of these names
    Gives   the columns of silver.device_faults, without batch
    """
    heard = looks.around_each_day(readings, devices, calibrations)
    righted = heard.transform(clocks.righted)
    marked = (
        righted.transform(levels.beside_peers)
        .transform(presence.marked, looks.heard_of_gateways(righted))
        .transform(still.marked)
        .transform(scales.marked)
        .transform(levels.marked)
        .transform(spikes.marked)
    )
    families = (clocks, presence, still, scales, levels, spikes)
    marks = intervals.marks(marked, [mark for family in families for mark in family.MARKS])
    seen = intervals.of_marks(marks)
    return seen.unionByName(presence.never_heard(heard, devices)).transform(intervals.in_their_day)
