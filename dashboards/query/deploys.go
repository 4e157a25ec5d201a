package query

// told reads the deploys of the span: those that people marked, and those that the versions
// of requests show. It leaves out the first version of a service, and a version that people
// marked within an hour before or after.
const told = `(SELECT at, service, version, author FROM (
  SELECT at, service, version, author, toUnixTimestamp(known) > 0 AS seen, first,
    sum(NOT seen) OVER (PARTITION BY service, version ORDER BY toInt64(toUnixTimestamp(at)) RANGE BETWEEN 3600 PRECEDING AND 3600 FOLLOWING) AS said
  FROM (SELECT DISTINCT at, service, version, author, known, first FROM {db}.deploys
    WHERE at >= subtractHours({from}, 1) AND at <= addHours({to}, 1))
) WHERE at >= {from} AND at <= {to} AND (NOT seen OR first = 0 AND said = 0))`

// DeployMarks returns the deploys as annotations of a time axis.
func DeployMarks() Text {
	return `SELECT at AS time, concat(service, ' ', version, if(author = 'service.version', ' (service.version)', '')) AS text, 'deploy' AS tags
FROM ` + told + `
ORDER BY time DESC LIMIT 200`
}

// Deploys returns the deployed versions of the chosen services, and who recorded them:
// service.version for those seen in requests.
func Deploys() Text {
	return `SELECT at AS time, service, version, author
FROM ` + told + `
WHERE ` + chosen("service", "service IN {service}") + `
ORDER BY time DESC, service LIMIT 200`
}
