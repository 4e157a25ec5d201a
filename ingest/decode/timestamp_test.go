package decode

import (
	"math/rand/v2"
	"testing"
)

// What a clock remembers changes no result: it reads every time as one that has
// seen none, whatever came before, times with a wrong byte included.
func TestClockRemembersNothingWrong(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	pick := func(s ...string) string { return s[random.IntN(len(s))] }
	zone := mustZone(t, "Europe/Paris")
	used := newClock(zone)
	const tries = 200_000
	read := 0
	for range tries {
		var text string
		clock := pick("12:00:", "12:01:", "23:59:") + pick("00", "07", "59", "60")
		if random.IntN(2) == 0 {
			text = pick("01/Mar/2026", "02/Mar/2026", "29/Feb/2028") + ":" + clock + pick(" +0000", " +0100", " -0530",
				"", ".250 +0000")
		} else {
			text = pick("2026-03-01", "2026-03-02") + pick("T", " ") + clock + pick(".250Z", "Z", ".000Z", "+01:00", "")
		}
		b := []byte(text)
		if random.IntN(4) == 0 {
			b[random.IntN(len(b))] = "0123456789:/+ Zx."[random.IntN(17)]
		}
		fresh := newClock(zone)
		got, ok := used.any(b)
		want, wanted := fresh.any(b)
		if ok != wanted || ok && got != want {
			t.Fatalf("%q: got %d (%v); want %d (%v)", b, got, ok, want, wanted)
		}
		if ok {
			read++
		}
	}
	if read < tries/2 {
		t.Errorf("read %d of %d times: the test makes too few good ones", read, tries)
	}
}
