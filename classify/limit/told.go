package limit

// What responses say about a key's limit, as SQL over the rows of a table of keys grouped
// by key and span: from headers, or else from the numbers in refusals
// ("Your request count (41) is over the allowed limit of (40)").
const (
	// ToldByHeaders: headers gave a limit and what was left of it.
	ToldByHeaders = "(max(quota_limit) > 0 AND max(quota_low) > 0)"
	// ToldAny: headers or refusals gave a limit.
	ToldAny = "(" + ToldByHeaders + " OR max(limit_max) > 0)"
	// ToldShare is the largest share of the limit that was used: 1 is all of it.
	// The column quota_low holds 1<<32-1 minus the least that was left.
	ToldShare = "greatest(if(" + ToldByHeaders +
		", greatest(1 - (4294967295 - max(quota_low)) / max(quota_limit), 0), 0)," +
		" if(max(limit_max) > 0, max(count_max) / max(limit_max), 0))"
	// ToldLimit is the largest limit, ToldWindow its window in seconds, 0 when it is
	// not told.
	ToldLimit  = "if(max(quota_limit) > 0, max(quota_limit), max(limit_max))"
	ToldWindow = "max(quota_window)"
)
