package ingest

import (
	"maps"
	"slices"
	"sync"

	"statline/ingest/block"
)

// bounds is what the topics of a process share: the memory budget, the limit on
// INSERTs, and what depends on the number of partitions of all topics.
type bounds struct {
	store   Store
	several bool // topics may come and go

	mu         sync.Mutex
	generation int32
	budget     *block.Budget  // of that generation
	counts     map[string]int // partitions of each topic at work, whoever owns them
}

func newBounds(s Store, memory int) *bounds {
	return &bounds{store: gate(s, memory), budget: block.NewBudget(0, 0, largeBlocks), generation: -1,
		counts: map[string]int{}}
}

// budgetOf is the budget of a generation, one for all topics; the shares of the first
// that asks hold. The topics of a member begin and end their generations together.
func (c *bounds) budgetOf(generation int32, s shares) *block.Budget {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.generation != generation || !c.several {
		c.generation, c.budget = generation, block.NewBudget(s.small, s.large, largeBlocks)
	}
	return c.budget
}

// used is how many bytes of the budget blocks in flight take.
func (c *bounds) used() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.budget.Used()
}

// partitionsOf sets how many partitions a topic has; 0 removes it.
func (c *bounds) partitionsOf(topic string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts[topic] = n; n == 0 {
		delete(c.counts, topic)
	}
}

// partitions is the number of partitions of all topics.
func (c *bounds) partitions() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range c.counts {
		n += of
	}
	return n
}

// topics is the number of topics at work, at least 1.
func (c *bounds) topics() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(1, len(c.counts))
}

// audits reports whether this topic's owner audits the database: that of the first
// topic at work does.
func (c *bounds) audits(topic string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.several || slices.Index(slices.Sorted(maps.Keys(c.counts)), topic) == 0
}
