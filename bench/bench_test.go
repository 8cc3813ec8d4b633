package main

import (
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// The test binary is the program in its roles too.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && (os.Args[1] == roleServe || os.Args[1] == roleLoad) {
		main()
		return
	}
	os.Exit(m.Run())
}

// Every system delivers every event of every scenario, in small.
func TestSmoke(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it needs Linux")
	}
	p := plan{runs: 1, rounds: 1, scale: 100, turn: 10 * time.Millisecond}
	report, err := p.run(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range systems {
		tables := strings.Count(report, "\n| "+s.name+" |")
		want := 2 * len(scenarios)
		if s.name != floorName && s.message == nil {
			want++ // memory
		}
		if tables != want {
			t.Errorf("%s is in %d tables and not in %d:\n%s", s.name, tables, want, report)
		}
	}
	if strings.Contains(report, "NaN") || strings.Contains(report, "Inf") {
		t.Error(report)
	}
}

func TestOnlySome(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("it needs Linux")
	}
	p := plan{runs: 1, rounds: 1, scale: 1000, turn: time.Millisecond, only: "melody", scenes: "rooms"}
	report, err := p.run(t.Context(), io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(report, "nbio") || strings.Contains(report, "10,000,") || !strings.Contains(report, "melody") {
		t.Error(report)
	}
}

func TestInsert(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "README.md")
	if err := os.WriteFile(path, readme, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"| first |", "| second |"} {
		if err := insert(path, text); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(got), "| second |") || strings.Contains(string(got), "| first |") {
		t.Errorf("%s", got)
	}
	before, _, _ := strings.Cut(string(readme), beginMark)
	if !strings.HasPrefix(string(got), before) {
		t.Error("what is before the result has changed")
	}
	if err := os.WriteFile(path, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if insert(path, "x") == nil {
		t.Error("a file without marks was changed")
	}
}

func TestMedian(t *testing.T) {
	var turns []taken
	for _, n := range []int64{5, 1, 9} {
		turns = append(turns, taken{result: result{Rounds: n}})
	}
	if m := median(turns, func(t taken) int64 { return t.Rounds }); m != 5 {
		t.Error(m)
	}
	if turns[0].Rounds != 5 {
		t.Error("the turns were sorted")
	}
}

// What the systems are given is as long as what gochat makes of it.
func TestPayload(t *testing.T) {
	for _, n := range []int{100, 200, 1000} {
		b := payload(n)
		if len(b) != n || slices.Contains(b, '\n') {
			t.Errorf("%d: %s", n, b)
		}
	}
}
