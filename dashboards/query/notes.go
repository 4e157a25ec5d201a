package query

// Notes returns what people said of the chosen incidents, newest first.
func Notes() Text {
	return `SELECT at AS time, action, if(action = 'mute', until, NULL) AS until, author, text
FROM {db}.incident_notes WHERE incident IN {incident} AND action != 'label'
ORDER BY at DESC LIMIT 1000`
}

// Label returns how the chosen keys are called, and by whom: the name that is shown, by a
// file of labels or by the console, the label that the console was given, and the name
// that the gateway gives.
func Label() Text {
	return `SELECT max(label) AS shown, max(said) AS console, max(given) AS gateway FROM (
  SELECT argMax(name, revision) AS label, '' AS said, '' AS given FROM {db}.key_labels WHERE key_id IN {key}
  UNION ALL
  SELECT '', argMax(text, at), '' FROM {db}.incident_notes WHERE incident IN {key} AND action = 'label'
  UNION ALL
  SELECT '', '', max(name) FROM {db}.key_names WHERE key_id IN {key}
)`
}

// clientLabels gives each client address the name that it was given in the console.
const clientLabels = `(SELECT incident AS address, argMax(text, at) AS name FROM {db}.incident_notes
  WHERE action = 'label' AND isNotNull(toIPv6OrNull(incident)) GROUP BY incident HAVING name != '')`

// ClientLabel returns, in the form of Label, how the chosen client addresses are called.
func ClientLabel() Text {
	return `SELECT max(name) AS shown, max(name) AS console, '' AS gateway FROM ` + clientLabels +
		` WHERE address IN {client}`
}

// IncidentStates returns how the chosen incidents stand, and the open ones of a chosen
// service, key or client.
func IncidentStates() Text {
	return `SELECT id, toString(state) AS state, toString(severity) AS severity, summary
FROM {db}.incidents FINAL
WHERE id IN {incident} OR state = 'open' AND (entity IN {service} OR service IN {service} OR entity IN {key} OR entity IN {client})
ORDER BY opened_at DESC, id LIMIT 100`
}
