"""The door to Great Expectations: what the gate judges, and the documents made of its verdicts.

It takes seconds to load, so it is imported only where there is something to judge or to show.
"""
