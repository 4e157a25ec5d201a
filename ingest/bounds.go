package ingest

import (
	"maps"
	"slices"
	"sync"

	"statline/ingest/block"
)

// bounds are what the topics of a process share: the memory budget, the store's
// bounds, and what depends on how many partitions there are in all.
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

// budgetOf is the budget of a generation, one for all topics: it takes part of the
// first that asks. The topics of a member begin and end their generations together.
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

// partitionsOf says how many partitions a topic has; 0 takes it out.
func (c *bounds) partitionsOf(topic string, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.counts[topic] = n; n == 0 {
		delete(c.counts, topic)
	}
}

// partitions is how many all topics have.
func (c *bounds) partitions() (n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, of := range c.counts {
		n += of
	}
	return n
}

// topics is how many are at work, 1 at least.
func (c *bounds) topics() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return max(1, len(c.counts))
}

// audits says whether a topic is the one whose owner audits the database: the first
// of those at work.
func (c *bounds) audits(topic string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.several || slices.Index(slices.Sorted(maps.Keys(c.counts)), topic) == 0
}
