package limit

// What responses tell keys of their limits, as SQL over the rows of a table of keys
// that are grouped by the key and a span: by headers, or else by the numbers of
// refusals ("Your request count (41) is over the allowed limit of (40)").
const (
	// ToldByHeaders is whether headers told a limit and what was left of it.
	ToldByHeaders = "(max(quota_limit) > 0 AND max(quota_low) > 0)"
	// ToldAny is whether anything told a limit.
	ToldAny = "(" + ToldByHeaders + " OR max(limit_max) > 0)"
	// ToldShare is the largest share of the limit that was used: 1 is all of it.
	// The column quota_low holds the least that was left as what it lacks to 1<<32-1.
	ToldShare = "greatest(if(" + ToldByHeaders +
		", greatest(1 - (4294967295 - max(quota_low)) / max(quota_limit), 0), 0)," +
		" if(max(limit_max) > 0, max(count_max) / max(limit_max), 0))"
	// ToldLimit is the largest limit, ToldWindow its window in seconds, 0 when it is
	// not told.
	ToldLimit  = "if(max(quota_limit) > 0, max(quota_limit), max(limit_max))"
	ToldWindow = "max(quota_window)"
)
