"""Fetch data of an external source while a campaign waits: deadline, threads, cache, sources.

A campaign waits at most 15 s for a function, and asks three times. `failures` names how a fetch
ends, `deadline` bounds it, `pool` makes several at a time, `cache` keeps answers by age, `breaker`
leaves a failing source alone, `https` and `callers_function` are sources.
"""
