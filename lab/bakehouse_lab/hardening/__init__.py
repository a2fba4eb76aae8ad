"""How hard hosts are, as scanners see them: a stock host beside ours, in one table.

`results` reads what scanners say, `report` words it; `cli.harden` boots, scans and writes.
"""
