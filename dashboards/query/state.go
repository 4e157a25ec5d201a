package query

// State returns one row: the first and the newest stored minute; how many
// incidents of each severity are open, and what the most urgent of them that no
// other one causes says; when the last audit without a difference was; and two
// words that change whenever something is stored (stored) and incidents change
// (incidents).
func State() Text {
	return `SELECT (SELECT min(minute) FROM {db}.services) AS first, (SELECT max(minute) FROM {db}.services) AS newest,
  open.1 AS page, open.2 AS ticket, open.3 AS info, open.4 AS worst,
  (SELECT maxIf(minute, audit_differences = 0) FROM {db}.pipeline) AS proved,
  (SELECT concat(toString(count()), ' ', toString(max(written_at))) FROM {db}.ledger) AS stored,
  (SELECT toString(sum(cityHash64(id, version, state, severity))) FROM {db}.incidents) AS incidents,
  assumeNotNull((SELECT (countIf(severity = 'page'), countIf(severity = 'ticket'), countIf(severity = 'info'),
    argMin(summary, (indexOf(['page', 'ticket', 'info'], severity), parent != '', opened_at, id))) FROM {db}.incidents FINAL WHERE state = 'open')) AS open`
}
