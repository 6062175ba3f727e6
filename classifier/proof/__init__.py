"""Evidence before a route ships: what is saved, what it costs in quality, and how sure that is.

savings.py    recorded outcomes: the share of the bill saved at 97 % of quality
paired.py     two models on the same items, looked at once     betting.py   the same, looked at daily
two_arms.py   two models on different requests (A/B, roll-out) change.py    a score that drops one day
verdict.py    ship, do not ship, or how much data is missing
items.py      what is asked and how it is marked               client.py    the gateway (the only door)
store.py      answers kept between runs                        purse.py     the spend limit
scorers.py sandbox.py judge.py   marks from 0 to 1             live.py      a run: ask, mark
analysis.py   figures and verdicts per task class              page.py plots.py   the HTML report
cli.py        `tierwise evaluate quality`
"""
