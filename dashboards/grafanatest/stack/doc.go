// Package stack starts what docker-compose.yml says without containers: each
// service with its command, environment, volumes, user and root directory in
// namespaces of its own (mounts, host name) and one network of their own, in
// order of their dependencies, healthy when its health check says so.
//
//	image                         what runs for it
//	apache/kafka                  Apache Kafka from its Maven artefacts; KAFKA_… become properties as
//	                              the image's documentation says
//	clickhouse/clickhouse-server  the embedded engine behind both ports, with the users and rights of
//	                              the mounted users.d
//	statline                      the binary that the Dockerfile's lines build, as its user
//	grafana/grafana               nothing: the test asks in its place, as the provisioned data source
//
// The engine has one user at a time, so it enforces the rights of the one that
// the stack needs: the writer's while it runs, the reader's afterwards.
//
// What is not tried: the images themselves, Docker's networks and restarts, and
// Grafana's own start.
package stack
