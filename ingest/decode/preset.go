package decode

import (
	"fmt"
	"strings"
)

// Preset is a built-in mapping for the JSON of a well-known service, used with format
// json.
type Preset struct {
	Name, Description, Example string
	Mapping                    Mapping
}

// Presets lists the named mappings.
func Presets() []Preset { return []Preset{presetGCPLB, presetAzureAppGW, presetAzureAPIM} }

// FindPreset returns the mapping called name; the error lists the known ones.
func FindPreset(name string) (Mapping, error) {
	var names []string
	for _, p := range Presets() {
		if p.Name == name {
			return p.Mapping, nil
		}
		names = append(names, p.Name)
	}
	return Mapping{}, fmt.Errorf("got mapping %q; want one of %s, or a section mapping in the config file", name,
		strings.Join(names, ", "))
}
