"""How `edgectc bench` measures: plan, worker processes, statistics, gate, page, traces."""
