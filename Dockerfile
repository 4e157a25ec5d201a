# syntax=docker/dockerfile:1
# The daemon. It builds what make build builds, without the embedded engine:
# a daemon talks to a ClickHouse server.
FROM golang:1.26-bookworm AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=dev
RUN CGO_ENABLED=0 go build -pgo=auto -trimpath -ldflags "-s -w -X main.version=${VERSION}" -o bin/statline ./cmd/statline

# The binary loads libraries at run time (the embedded engine, when there is
# one), so that it needs the C library although it has no C: base, not static.
FROM gcr.io/distroless/base-debian12:nonroot
COPY --from=build /src/bin/statline /usr/local/bin/statline
USER nonroot:nonroot
EXPOSE 8080
ENTRYPOINT ["/usr/local/bin/statline"]
CMD ["run"]
