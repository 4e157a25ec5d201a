package query

import (
	"statline/classify/agent"
	"statline/classify/distinct"
)

// The panels about user agents, as far as log lines have them.

func fromAgents(columns, where Text) Text {
	return either("agents", "agents_hour", columns, where)
}

// keyBits are the columns of the bitmap of keys.
func keyBits() (columns Text) {
	for i := range distinct.Words {
		columns += ", key_bits_" + number(i)
	}
	return columns
}

// estimate is the estimated number of things in a bitmap of so many bits (see
// distinct.Bitmap.Estimate).
func estimate(bits Text) Text {
	all := number(distinct.Bits)
	return "toUInt64(if(" + bits + " = " + all + ", " + number(distinct.Most) + ", round(-" + all +
		" * log((" + all + " - " + bits + ") / " + all + "))))"
}

// agentShown is the shown name of an agent, or the word unknown.
const agentShown = "if(agent = '', toString(class), toString(agent))"

// Agents returns the agents with most failures, and the class of each: the estimated number
// of their keys, and how many requests failed, were refused by the rate limit, and failed on
// the server's side.
func Agents() Text {
	var bits Text
	for i := range distinct.Words {
		if i > 0 {
			bits += " + "
		}
		bits += "bitCount(groupBitOr(key_bits_" + number(i) + "))"
	}
	return spans + `SELECT toString(class) AS "Class", ` + agentShown + ` AS "Agent", n AS "Requests", bad AS "Failed", bad / n AS "Share failed",
  limited AS "Refused", server AS "Server side", ` + estimate("bits") + ` AS "Keys", services AS "Services"
FROM (
  SELECT class, agent, sum(requests) AS n, sumIf(requests, ` + failed + `) AS bad, sumIf(requests, ` + refused + `) AS limited,
    sumIf(requests, ` + serverSide + `) AS server, ` + bits + ` AS bits, arrayStringConcat(arraySort(groupUniqArray(5)(toString(service))), ', ') AS services
  FROM ` + fromAgents("class, agent, service, outcome, requests"+keyBits(), ofService) + `
  GROUP BY class, agent
)
ORDER BY bad DESC, n DESC, class, agent LIMIT 200`
}

// AgentClassRates returns requests per second by class.
func AgentClassRates() Text {
	return spans + gaps("class", "SELECT "+at+", toString(class) AS class, sum(requests) / "+covered+` AS Value
FROM `+fromAgents("class, requests", ofService)+`
WHERE `+whole+`
GROUP BY time, class`, "Value")
}

// AgentClassFailures returns the share of each class's requests that failed, for points with
// ten requests or more: of a single one, all or nothing fails.
func AgentClassFailures() Text {
	return spans + gaps("class", "SELECT "+at+", toString(class) AS class, sumIf(requests, "+failed+`) / sum(requests) AS Value
FROM `+fromAgents("class, outcome, requests", ofService)+`
GROUP BY time, class HAVING sum(requests) >= 10`, "Value")
}

// RobotRates returns requests per second of the ten busiest AI agents, crawlers,
// monitors, scanners and driven browsers.
func RobotRates() Text {
	var robots Text
	for _, c := range []agent.Class{agent.AI, agent.Crawler, agent.Monitor, agent.Scanner, agent.Automation} {
		if robots != "" {
			robots += ", "
		}
		robots += "'" + Text(c.String()) + "'"
	}
	source := fromAgents("agent, requests", ofService+" AND class IN ("+robots+")")
	return spans + gaps("agent", "SELECT "+at+", toString(agent) AS agent, sum(requests) / "+covered+` AS Value
FROM `+source+`
WHERE `+whole+` AND agent GLOBAL IN (SELECT agent FROM `+source+` GROUP BY agent ORDER BY sum(requests) DESC, agent LIMIT 10)
GROUP BY time, agent`, "Value")
}

// AgentOutcomes returns why the requests of each class failed: the outcomes with most.
func AgentOutcomes() Text {
	return spans + `SELECT toString(class) AS "Class", ` + agentShown + ` AS "Agent", toString(service) AS "Service", toString(outcome) AS "Outcome", sum(requests) AS "Requests"
FROM ` + fromAgents("class, agent, service, outcome, requests", ofService+" AND "+failed) + `
GROUP BY class, agent, service, outcome ORDER BY "Requests" DESC, class, agent, service, outcome LIMIT 100`
}

// AgentsTold returns the share of requests with a user agent, and of these the share that no
// list names.
func AgentsTold() Text {
	return spans + `SELECT heard / total AS "told", if(heard = 0, NULL, nobody / heard) AS "unknown"
FROM (SELECT sum(requests) AS heard, sumIf(requests, class = '` + Text(agent.Unknown.String()) + `') AS nobody FROM ` + fromAgents("class, requests", ofService) + `) AS a
CROSS JOIN (SELECT sum(requests) AS total FROM ` + fromServices(ofService) + `) AS b
WHERE total > 0`
}
