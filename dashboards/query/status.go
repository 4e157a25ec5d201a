package query

import (
	"strconv"
	"strings"
)

// Code is one row of the catalogue, as far as a table of codes shows it.
type Code struct {
	Code       uint16
	HTTPStatus int16
	Message    string
	Outcome    string
}

// catalogueRows is the catalogue as rows (code, status, message, means).
func catalogueRows(codes []Code) Text {
	rows := make([]string, len(codes))
	for i, c := range codes {
		rows[i] = "(" + strconv.Itoa(int(c.Code)) + ", " + strconv.Itoa(int(c.HTTPStatus)) + ", " + literal(c.Message) +
			", " + literal(c.Outcome) + ")"
	}
	return Text("values('code UInt16, status UInt16, message String, means String',\n    " +
		strings.Join(rows, ",\n    ") + ")")
}

var selected = ofService + " AND " + ofRoute + " AND " + ofOutcome

// CodeTable returns every code of the catalogue, seen or not, and every code
// seen that the catalogue does not have. A share is of all responses, those
// without a code too.
func CodeTable(catalogue []Code) Text { return codeTable(catalogue, "") }

func codeTable(catalogue []Code, where Text) Text {
	return spans + `SELECT code AS "Code", if(status = 0, NULL, status) AS "HTTP", if(means = '', 'not in the catalogue', means) AS "Outcome", message AS "Message",
  n AS "Responses", share AS "Share", drift AS "Drift", services AS "Services", worst AS "Most in", if(n = 0, NULL, last) AS "Last seen"
FROM ` + catalogueRows(catalogue) + ` AS catalogue
GLOBAL FULL JOIN (
  SELECT * FROM (
    SELECT code, sum(requests) AS n, n / sum(n) OVER () AS share, sum(drift) AS drift, uniqExact(service) AS services,
      toString(argMax(service, requests)) AS worst, max(minute) AS last
    FROM ` + fromResponses("service, code, requests, drift", selected) + ` GROUP BY code
  ) WHERE code != 0
) AS seen USING (code)
` + where + `ORDER BY n DESC, code`
}

// CodesSeen returns how many different codes came, and how many the catalogue
// does not have.
func CodesSeen(catalogue []Code) Text {
	list := make([]string, len(catalogue))
	for i, c := range catalogue {
		list[i] = strconv.Itoa(int(c.Code))
	}
	known := Text(strings.Join(list, ", "))
	return spans + "SELECT uniqExactIf(code, code IN (" + known +
		")) AS seen, uniqExactIf(code, code != 0 AND code NOT IN (" + known + ")) AS unknown\nFROM " +
		fromResponses("code", selected)
}

// CodeRates returns failing responses per second by code, the fifteen most
// frequent codes.
func CodeRates() Text {
	source := fromResponses("code, requests, outcome", selected+" AND code != 0 AND "+failed)
	return spans +
		gaps("name",
			"SELECT "+at+", concat('code ', toString(code), ' ', toString(any(outcome))) AS name, sum(requests) / "+covered+" AS Value\nFROM "+source+
				"\nWHERE "+whole+" AND code GLOBAL IN (SELECT code FROM "+source+" GROUP BY code ORDER BY sum(requests) DESC, code LIMIT 15)"+
				"\nGROUP BY time, code", "Value")
}

// StatusRates returns responses per second by class of HTTP status.
func StatusRates() Text {
	return spans +
		gaps("status",
			"SELECT "+at+", if(http_status = 0, 'none', concat(toString(intDiv(http_status, 100)), 'xx')) AS status, sum(requests) / "+covered+" AS Value\nFROM "+
				fromResponses("http_status, requests", selected+" AND "+whole)+"\nGROUP BY time, status", "Value")
}

// CodesByRoute returns where each failing code comes from.
func CodesByRoute() Text {
	return spans + `SELECT toString(service) AS "Service", toString(route) AS "Route", toString(method) AS "Method", code AS "Code", http_status AS "HTTP", toString(outcome) AS "Outcome",
  toString(any(decided_by)) AS "Decided by", sum(requests) AS "Responses", min(minute) AS "First", max(minute) AS "Last"
FROM ` + fromResponses("service, route, method, code, http_status, outcome, decided_by, requests", selected+" AND "+failed) + `
GROUP BY service, route, method, code, http_status, outcome ORDER BY "Responses" DESC, 1, 2, 3, 4, 5 LIMIT 200`
}

// ChosenServerFailureShare returns the share of the chosen responses that failed
// on the server's side.
func ChosenServerFailureShare() Text {
	return spans + "SELECT sumIf(requests, " + serverSide + ") / sum(requests) AS server\nFROM " +
		fromResponses("outcome, requests", selected) + "\nHAVING sum(requests) > 0"
}

// HiddenFailures returns the failures that HTTP does not show: an outcome of
// failure under a status below 400.
func HiddenFailures() Text {
	return spans + "SELECT sum(requests) AS hidden\nFROM " +
		fromResponses("requests", selected+" AND http_status BETWEEN 100 AND 399 AND "+failed)
}

// DriftCount returns the responses whose HTTP status contradicts the
// catalogue.
func DriftCount() Text {
	return spans + "SELECT sum(drift) AS drift\nFROM " + fromResponses("drift", selected)
}

// DriftTable returns the pairs of code and HTTP status that contradict the
// catalogue.
func DriftTable(catalogue []Code) Text {
	return spans + `SELECT service AS "Service", route AS "Route", code AS "Code", http_status AS "Came with", if(status = 0, NULL, status) AS "Catalogue", message AS "Message",
  n AS "Responses", first AS "First", last AS "Last"
FROM (
  SELECT toString(service) AS service, toString(route) AS route, code, http_status, sum(drift) AS n, min(minute) AS first, max(minute) AS last
  FROM ` + fromResponses("service, route, code, http_status, drift", selected+" AND drift > 0") + ` GROUP BY service, route, code, http_status
) AS drifted
GLOBAL LEFT JOIN ` + catalogueRows(catalogue) + ` AS catalogue USING (code)
ORDER BY n DESC, service, route, code LIMIT 200`
}
