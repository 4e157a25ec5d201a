package config

import (
	"fmt"
	"strings"
)

// Nearest suggests the known name that looks like name, or lists them all.
func Nearest(name string, known []string) string {
	best, distance := "", 1<<30
	for _, k := range known {
		if d := editDistance(name, k); d < distance {
			best, distance = k, d
		}
	}
	if distance <= 1+len(name)/3 {
		return fmt.Sprintf("did you mean %q?", best)
	}
	return "known: " + strings.Join(known, " ")
}

// editDistance is Levenshtein's, over bytes.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := diagonal
			if a[i-1] != b[j-1] {
				cost++
			}
			diagonal = row[j]
			row[j] = min(row[j]+1, row[j-1]+1, cost)
		}
	}
	return row[len(b)]
}
