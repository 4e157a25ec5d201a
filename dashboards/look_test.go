package dashboards

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"

	"statline/classify/detect"
)

// rgb is a colour in linear light.
type rgb [3]float64

func parse(t *testing.T, hex string) (c rgb) {
	t.Helper()
	n, err := strconv.ParseUint(strings.TrimPrefix(hex, "#"), 16, 32)
	if err != nil || len(hex) != 7 {
		t.Fatalf("%q is no colour", hex)
	}
	for i := range c {
		v := float64(n>>(16-8*i)&255) / 255
		c[i] = v / 12.92
		if v > 0.04045 {
			c[i] = math.Pow((v+0.055)/1.055, 2.4)
		}
	}
	return c
}

func (c rgb) luminance() float64 { return 0.2126*c[0] + 0.7152*c[1] + 0.0722*c[2] }

// contrast is that of WCAG 2.
func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// eyes are how colours look to an eye without the long, or without the middle
// wavelengths (Machado, Oliveira and Fernandes, 2009).
func eyes() map[string][3]rgb {
	return map[string][3]rgb{
		"any":    {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}},
		"protan": {{0.152286, 1.052583, -0.204868}, {0.114503, 0.786281, 0.099216}, {-0.003882, -0.048116, 1.051998}},
		"deutan": {{0.367322, 0.860646, -0.227968}, {0.280085, 0.672501, 0.047413}, {-0.011820, 0.042940, 0.968881}},
	}
}

func (c rgb) through(eye [3]rgb) (seen rgb) {
	for i, row := range eye {
		seen[i] = min(max(row[0]*c[0]+row[1]*c[1]+row[2]*c[2], 0), 1)
	}
	return seen
}

// lab is the colour in CIELAB, under D65.
func (c rgb) lab() (l, a, b float64) {
	f := func(v float64) float64 {
		if v > 216.0/24389 {
			return math.Cbrt(v)
		}
		return (24389.0/27*v + 16) / 116
	}
	x, y, z := f((0.4124*c[0]+0.3576*c[1]+0.1805*c[2])/0.95047), f(c.luminance()),
		f((0.0193*c[0]+0.1192*c[1]+0.9505*c[2])/1.08883)
	return 116*y - 16, 500 * (x - y), 200 * (y - z)
}

// apartness is CIEDE2000.
func apartness(c, d rgb) float64 {
	l1, a1, b1 := c.lab()
	l2, a2, b2 := d.lab()
	seventh := func(v float64) float64 { return math.Sqrt(math.Pow(v, 7) / (math.Pow(v, 7) + math.Pow(25, 7))) }
	g := 1 + 0.5*(1-seventh((math.Hypot(a1, b1)+math.Hypot(a2, b2))/2))
	a1, a2 = a1*g, a2*g
	c1, c2 := math.Hypot(a1, b1), math.Hypot(a2, b2)
	h1, h2 := math.Mod(math.Atan2(b1, a1)+2*math.Pi, 2*math.Pi), math.Mod(math.Atan2(b2, a2)+2*math.Pi, 2*math.Pi)
	dh, hue := h2-h1, (h1+h2)/2
	switch {
	case c1*c2 == 0:
		dh, hue = 0, h1+h2
	case math.Abs(dh) > math.Pi:
		if dh > 0 {
			dh -= 2 * math.Pi
		} else {
			dh += 2 * math.Pi
		}
		hue = math.Mod(hue+math.Pi, 2*math.Pi)
	}
	light, chroma := (l1+l2)/2, (c1+c2)/2
	degree := math.Pi / 180
	t := 1 - 0.17*math.Cos(hue-30*degree) + 0.24*math.Cos(2*hue) +
		0.32*math.Cos(3*hue+6*degree) - 0.2*math.Cos(4*hue-63*degree)
	sl := (l2 - l1) / (1 + 0.015*(light-50)*(light-50)/math.Sqrt(20+(light-50)*(light-50)))
	sc := (c2 - c1) / (1 + 0.045*chroma)
	sh := 2 * math.Sqrt(c1*c2) * math.Sin(dh/2) / (1 + 0.015*chroma*t)
	turn := -2 * seventh(chroma) * math.Sin(60*degree*math.Exp(-math.Pow((hue/degree-275)/25, 2)))
	return math.Sqrt(sl*sl + sc*sc + sh*sh + turn*sc*sh)
}

// Pairs of the paper's own test data (Sharma, Wu and Dalal, 2005) are in CIELAB;
// these are the ends of the scale, and a pair of greys.
func TestApartness(t *testing.T) {
	white, black := parse(t, "#FFFFFF"), parse(t, "#000000")
	if d := apartness(white, black); math.Abs(d-100) > 0.1 {
		t.Errorf("white and black: got %v; want 100", d)
	}
	if d := apartness(white, white); d != 0 {
		t.Errorf("white and white: got %v", d)
	}
	if c := contrast(white, black); math.Abs(c-21) > 1e-9 {
		t.Errorf("white on black: got %v; want 21", c)
	}
}

// Every colour stands out from white and from Grafana's dark panel.
func TestColorsStandOut(t *testing.T) {
	all := map[string]bool{Good: true, Fair: true, Bad: true, Note: true, Plain: true}
	for _, c := range outcomeColors() {
		all[c] = true
	}
	for _, c := range kindColors() {
		all[c] = true
	}
	for _, p := range panels() {
		for _, c := range p.Columns {
			if c.Color != "" {
				all[c.Color] = true
			}
		}
	}
	for hex := range all {
		for _, ground := range []string{"#FFFFFF", "#181B1F"} {
			if got := contrast(parse(t, hex), parse(t, ground)); got < 3 {
				t.Errorf("%s on %s: got %.2f:1; want 3:1", hex, ground, got)
			}
		}
	}
}

// Series that touch differ for every eye: on a panel of a few colours every two,
// on those of many outcomes or kinds, which are stacked by name, each and the
// three above it. No two have one colour.
func TestTouchingColorsDiffer(t *testing.T) {
	for _, p := range panels() {
		if p.Kind != Stacked && p.Kind != Lines {
			continue
		}
		series := slices.Clone(p.Columns)
		slices.SortFunc(series, func(a, b Column) int { return strings.Compare(a.Name, b.Name) })
		series = slices.DeleteFunc(series, func(c Column) bool { return c.Color == "" })
		for i, a := range series {
			for j, b := range series[:i] {
				if a.Color == b.Color {
					t.Errorf("%s: %s and %s have one colour", p.Title, a.Name, b.Name)
				}
				if len(series) > 6 && i-j > 3 {
					continue
				}
				for eye, matrix := range eyes() {
					if got := apartness(parse(t, a.Color).through(matrix), parse(t, b.Color).
						through(matrix)); got < 10 {
						t.Errorf("%s: %s and %s (%s, %s) to a %s eye: got %.1f; want 10", p.Title, a.Name, b.Name,
							a.Color, b.Color, eye, got)
					}
				}
			}
		}
	}
	if len(kindColors()) != len(detect.Kinds()) {
		t.Error("a kind has no colour")
	}
}

func panels() (list []Panel) {
	for _, b := range Boards(UsualObjectives()) {
		for _, r := range b.Rows {
			for _, c := range r.Cells {
				list = append(list, c.Panel)
			}
		}
	}
	return list
}
