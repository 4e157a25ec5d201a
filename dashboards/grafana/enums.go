package grafana

import (
	"fmt"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/heatmap"
)

// names lists values of one of the SDK's enumerations.
func names[T ~string](values ...T) []string {
	list := make([]string, len(values))
	for i, v := range values {
		list[i] = string(v)
	}
	return list
}

// enumerations are the fields whose words the SDK's reader does not check: by the last
// two names of the path, or by the last one.
func enumerations() map[string][]string {
	visibility := names(common.VisibilityModeAuto, common.VisibilityModeNever, common.VisibilityModeAlways)
	return map[string][]string{
		"drawStyle": names(common.GraphDrawStyleLine, common.GraphDrawStyleBars, common.GraphDrawStylePoints),
		"lineInterpolation": names(common.LineInterpolationLinear, common.LineInterpolationSmooth,
			common.LineInterpolationStepBefore, common.LineInterpolationStepAfter),
		"gradientMode": names(common.GraphGradientModeNone, common.GraphGradientModeOpacity,
			common.GraphGradientModeHue, common.GraphGradientModeScheme),
		"showPoints": visibility,
		"showValue":  visibility,
		"axisPlacement": names(common.AxisPlacementAuto, common.AxisPlacementLeft, common.AxisPlacementRight,
			common.AxisPlacementTop, common.AxisPlacementBottom, common.AxisPlacementHidden),
		"stacking.mode": names(common.StackingModeNone, common.StackingModeNormal, common.StackingModePercent),
		"thresholdsStyle.mode": names(common.GraphThresholdsStyleModeOff, common.GraphThresholdsStyleModeLine,
			common.GraphThresholdsStyleModeDashed, common.GraphThresholdsStyleModeArea,
			common.GraphThresholdsStyleModeLineAndArea, common.GraphThresholdsStyleModeDashedAndArea),
		"scaleDistribution.type": names(common.ScaleDistributionLinear, common.ScaleDistributionLog,
			common.ScaleDistributionOrdinal, common.ScaleDistributionSymlog),
		"tooltip.mode": names(common.TooltipDisplayModeSingle, common.TooltipDisplayModeMulti,
			common.TooltipDisplayModeNone),
		"tooltip.sort": names(common.SortOrderAscending, common.SortOrderDescending, common.SortOrderNone),
		"legend.displayMode": names(common.LegendDisplayModeList, common.LegendDisplayModeTable,
			common.LegendDisplayModeHidden),
		"legend.placement": names(common.LegendPlacementBottom, common.LegendPlacementRight),
		"orientation": names(common.VizOrientationAuto, common.VizOrientationVertical,
			common.VizOrientationHorizontal),
		"graphMode": names(common.BigValueGraphModeNone, common.BigValueGraphModeLine,
			common.BigValueGraphModeArea),
		"colorMode": names(common.BigValueColorModeValue, common.BigValueColorModeBackground,
			common.BigValueColorModeBackgroundSolid, common.BigValueColorModeNone),
		"justifyMode": names(common.BigValueJustifyModeAuto, common.BigValueJustifyModeCenter),
		"textMode": names(common.BigValueTextModeAuto, common.BigValueTextModeValue,
			common.BigValueTextModeValueAndName, common.BigValueTextModeName, common.BigValueTextModeNone),
		"displayMode": names(common.BarGaugeDisplayModeBasic, common.BarGaugeDisplayModeLcd,
			common.BarGaugeDisplayModeGradient),
		"valueMode": names(common.BarGaugeValueModeColor, common.BarGaugeValueModeText,
			common.BarGaugeValueModeHidden),
		"namePlacement": names(common.BarGaugeNamePlacementAuto, common.BarGaugeNamePlacementTop,
			common.BarGaugeNamePlacementLeft, common.BarGaugeNamePlacementHidden),
		"sizing": names(common.BarGaugeSizingAuto, common.BarGaugeSizingManual),
		"cellHeight": names(common.TableCellHeightSm, common.TableCellHeightMd, common.TableCellHeightLg,
			common.TableCellHeightAuto),
		"custom.align": names(common.FieldTextAlignmentAuto, common.FieldTextAlignmentLeft,
			common.FieldTextAlignmentRight, common.FieldTextAlignmentCenter),
		"alignValue": names(common.TimelineValueAlignmentCenter, common.TimelineValueAlignmentLeft,
			common.TimelineValueAlignmentRight),
		"rowsFrame.layout": names(common.HeatmapCellLayoutLe, common.HeatmapCellLayoutGe,
			common.HeatmapCellLayoutUnknown, common.HeatmapCellLayoutAuto),
		"color.mode":  names(heatmap.HeatmapColorModeOpacity, heatmap.HeatmapColorModeScheme),
		"color.scale": names(heatmap.HeatmapColorScaleLinear, heatmap.HeatmapColorScaleExponential),
		"selectionMode": names(heatmap.HeatmapSelectionModeX, heatmap.HeatmapSelectionModeY,
			heatmap.HeatmapSelectionModeXy),
		"fieldColor.mode": names(dashboard.FieldColorModeIdThresholds, dashboard.FieldColorModeIdPaletteClassic,
			dashboard.FieldColorModeIdPaletteClassicByName, dashboard.FieldColorModeIdFixed),
		"percentChangeColorMode": names(common.PercentChangeColorModeStandard, common.PercentChangeColorModeInverted,
			common.PercentChangeColorModeSameAsValue),
	}
}

// freeText are the string fields with free text.
func freeText() []string {
	return []string{"fields", "fill", "scheme", "unit", "group", "color", "exemplars.color", "axisLabel"}
}

// words checks the strings below a value: each is a word of its enumeration, or in a
// field known to be free text. An unknown field is an error too, so that somebody
// looks at each new option once.
func (l *linter) words(where, kind, path string, value any) {
	switch v := value.(type) {
	case map[string]any:
		for k, x := range v {
			l.words(where, kind, path+"."+k, x)
		}
	case string:
		parts := strings.Split(path, ".")
		last := parts[len(parts)-1]
		enums := enumerations()
		allowed, ok := enums[strings.Join(parts[max(0, len(parts)-2):], ".")]
		if !ok {
			allowed, ok = enums[last]
		}
		switch {
		case ok && !slices.Contains(allowed, v):
			l.bad(where, "%s %s: got %q; want one of %s", kind, path, v, strings.Join(allowed, ", "))
		case !ok && !slices.Contains(freeText(), last):
			l.bad(where, "%s", fmt.Sprintf("%s %s: %q: neither an enumeration nor free text that is known", kind, path,
				v))
		}
	}
}
