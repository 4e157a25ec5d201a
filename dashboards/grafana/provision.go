package grafana

// The types of Grafana's provisioning files. Grafana decodes them loosely and ignores
// what it does not know, so a typing mistake would be silent there: a test decodes the
// written files strictly into these types.

// RuleFile is alerting/rules.yaml.
type RuleFile struct {
	APIVersion  int           `yaml:"apiVersion"`
	DeleteRules []DeletedRule `yaml:"deleteRules,omitempty"`
	Groups      []RuleGroup   `yaml:"groups"`
}

// DeletedRule names a rule to delete.
type DeletedRule struct {
	OrgID int    `yaml:"orgId"`
	UID   string `yaml:"uid"`
}

// RuleGroup is evaluated together.
type RuleGroup struct {
	OrgID    int    `yaml:"orgId"`
	Name     string `yaml:"name"`
	Folder   string `yaml:"folder"` // the title, not the uid
	Interval string `yaml:"interval"`
	Rules    []Rule `yaml:"rules"`
}

// Rule is one alert rule.
type Rule struct {
	UID                  string               `yaml:"uid"`
	Title                string               `yaml:"title"`
	Condition            string               `yaml:"condition"`
	For                  string               `yaml:"for"`
	KeepFiringFor        string               `yaml:"keepFiringFor,omitempty"`
	NoDataState          string               `yaml:"noDataState"`
	ExecErrState         string               `yaml:"execErrState"`
	DashboardUID         string               `yaml:"dashboardUid"`
	PanelID              uint32               `yaml:"panelId"`
	Labels               map[string]string    `yaml:"labels"`
	Annotations          map[string]string    `yaml:"annotations"`
	Data                 []RuleData           `yaml:"data"`
	NotificationSettings NotificationSettings `yaml:"notification_settings"`
}

// NotificationSettings sends a rule's alerts to a contact point and bypasses the
// organisation's notification policies, which stay as they are.
type NotificationSettings struct {
	Receiver       string   `yaml:"receiver"`
	GroupBy        []string `yaml:"group_by"`
	GroupWait      string   `yaml:"group_wait"`
	GroupInterval  string   `yaml:"group_interval"`
	RepeatInterval string   `yaml:"repeat_interval"`
}

// RuleData is one step of a rule: a query or an expression.
type RuleData struct {
	RefID             string    `yaml:"refId"`
	RelativeTimeRange TimeRange `yaml:"relativeTimeRange"`
	DatasourceUID     string    `yaml:"datasourceUid"`
	Model             RuleModel `yaml:"model"`
}

// TimeRange is in seconds before now.
type TimeRange struct {
	From int `yaml:"from"`
	To   int `yaml:"to"`
}

// RuleModel is the query of the data source or the threshold on one.
type RuleModel struct {
	RefID         string          `yaml:"refId"`
	Type          string          `yaml:"type,omitempty"`
	Expression    string          `yaml:"expression,omitempty"`
	Datasource    RuleSource      `yaml:"datasource"`
	EditorType    string          `yaml:"editorType,omitempty"`
	QueryType     string          `yaml:"queryType,omitempty"`
	Format        Format          `yaml:"format,omitempty"`
	RawSQL        string          `yaml:"rawSql,omitempty"`
	IntervalMS    int             `yaml:"intervalMs"`
	MaxDataPoints int             `yaml:"maxDataPoints"`
	Conditions    []RuleCondition `yaml:"conditions,omitempty"`
}

// RuleSource names a data source.
type RuleSource struct {
	Type string `yaml:"type"`
	UID  string `yaml:"uid"`
}

// RuleCondition is a threshold.
type RuleCondition struct {
	Evaluator Evaluator `yaml:"evaluator"`
}

// Evaluator compares a value with its parameters.
type Evaluator struct {
	Type   string    `yaml:"type"`
	Params []float64 `yaml:"params"`
}

// ContactFile is alerting/contact-points.yaml.
type ContactFile struct {
	APIVersion    int            `yaml:"apiVersion"`
	ContactPoints []ContactPoint `yaml:"contactPoints"`
}

// ContactPoint is where notifications go.
type ContactPoint struct {
	OrgID     int        `yaml:"orgId"`
	Name      string     `yaml:"name"`
	Receivers []Receiver `yaml:"receivers"`
}

// Receiver is one way to notify.
type Receiver struct {
	UID                   string            `yaml:"uid"`
	Type                  string            `yaml:"type"`
	DisableResolveMessage bool              `yaml:"disableResolveMessage"`
	Settings              map[string]string `yaml:"settings"`
}

// ProviderFile is dashboards/statline.yaml.
type ProviderFile struct {
	APIVersion int        `yaml:"apiVersion"`
	Providers  []Provider `yaml:"providers"`
}

// Provider loads dashboards from a folder of files.
type Provider struct {
	Name                  string            `yaml:"name"`
	OrgID                 int               `yaml:"orgId"`
	Type                  string            `yaml:"type"`
	Folder                string            `yaml:"folder"`
	DisableDeletion       bool              `yaml:"disableDeletion"`
	AllowUIUpdates        bool              `yaml:"allowUiUpdates"`
	UpdateIntervalSeconds int               `yaml:"updateIntervalSeconds"`
	Options               map[string]string `yaml:"options"`
}

// DatasourceFile is datasources/clickhouse.yaml.
type DatasourceFile struct {
	APIVersion  int          `yaml:"apiVersion"`
	Prune       bool         `yaml:"prune"`
	Datasources []Datasource `yaml:"datasources"`
}

// Datasource is Grafana's connection to ClickHouse.
type Datasource struct {
	Name           string            `yaml:"name"`
	UID            string            `yaml:"uid"`
	Type           string            `yaml:"type"`
	Access         string            `yaml:"access"`
	IsDefault      bool              `yaml:"isDefault"`
	Editable       bool              `yaml:"editable"`
	JSONData       ClickHouseData    `yaml:"jsonData"`
	SecureJSONData map[string]string `yaml:"secureJsonData"`
}

// ClickHouseData is what the plugin reads.
type ClickHouseData struct {
	Host            string `yaml:"host"`
	Port            string `yaml:"port"`
	Protocol        string `yaml:"protocol"`
	Username        string `yaml:"username"`
	DefaultDatabase string `yaml:"defaultDatabase"`
	DialTimeout     string `yaml:"dialTimeout"`
	QueryTimeout    string `yaml:"queryTimeout"`
	Secure          bool   `yaml:"secure"`
}

// datasourceFile takes host, port, user and password from Grafana's
// environment. The native protocol: over HTTP an empty result has no columns.
func datasourceFile(o Options) DatasourceFile {
	return DatasourceFile{APIVersion: 1, Prune: true, Datasources: []Datasource{{
		Name: "ClickHouse", UID: o.DatasourceUID, Type: pluginID, Access: "proxy", IsDefault: true,
		JSONData: ClickHouseData{
			Host: "$CLICKHOUSE_HOST", Port: "$CLICKHOUSE_PORT", Protocol: "native", Username: "$CLICKHOUSE_READER",
			DefaultDatabase: o.Database, DialTimeout: "10", QueryTimeout: "60",
		},
		SecureJSONData: map[string]string{"password": "$CLICKHOUSE_READER_PASSWORD"},
	}}}
}

func providerFile(o Options) ProviderFile {
	return ProviderFile{APIVersion: 1, Providers: []Provider{{
		Name: "statline", OrgID: 1, Type: "file", Folder: o.Folder, DisableDeletion: true, UpdateIntervalSeconds: 30,
		Options: map[string]string{"path": "/etc/grafana/dashboards"},
	}}}
}

const contact = "statline operations"

// contactFile sends to the address in Grafana's environment.
func contactFile() ContactFile {
	return ContactFile{APIVersion: 1, ContactPoints: []ContactPoint{{OrgID: 1, Name: contact, Receivers: []Receiver{
		{UID: "statline-webhook", Type: "webhook", Settings: map[string]string{"url": "$STATLINE_ALERT_WEBHOOK"}},
	}}}}
}
