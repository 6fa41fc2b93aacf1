"""Where a carried thing is, by what fixed anchors hear of it: fitted on labelled data, then Spark.

fading    how loud each anchor of a place hears, fitted on a walk with known positions
location  positions with an error bar, from several anchors
ranging   distances with an interval, from one
"""
