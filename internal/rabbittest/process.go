package rabbittest

import (
	"bufio"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// process is a running server, whose standard input and output are an Erlang
// shell. The programs that administer a server do the same over the network
// and take seconds to start.
type process struct {
	cmd   *exec.Cmd
	input io.WriteCloser
	gone  chan struct{} // closed when it has ended and all output is read
	asked atomic.Int64

	mu      sync.Mutex
	answers map[string]chan string
	tail    []string // what else it has printed
}

func launch(cmd *exec.Cmd) (*process, error) {
	input, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Stdout, cmd.Stderr = w, w
	if err := cmd.Start(); err != nil {
		r.Close()
		w.Close()
		return nil, err
	}
	w.Close() // the process has its own
	p := &process{cmd: cmd, input: input, gone: make(chan struct{}), answers: map[string]chan string{}}
	go p.read(r)
	return p, nil
}

// read reads what the process prints, and waits for its end.
func (p *process) read(r io.ReadCloser) {
	defer close(p.gone)
	defer r.Close()
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			p.cmd.Wait() // how it ended is in the log
			return
		}
		line = strings.TrimSuffix(line, "\n")
		key, answer, ok := strings.Cut(line, " ")
		p.mu.Lock()
		if ch := p.answers[key]; ok && ch != nil {
			ch <- answer
			delete(p.answers, key)
		} else {
			p.tail = append(p.tail, line)
			p.tail = p.tail[max(0, len(p.tail)-50):]
		}
		p.mu.Unlock()
	}
}

// said returns the last lines that the process has printed.
func (p *process) said() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return strings.Join(p.tail, "\n") + "\n"
}

// ask evaluates an expression, prints a key, and after it + and the value or −
// and the error. A value that is no binary is printed as Erlang writes it.
const ask = `(fun() ->
	Text = fun(V) -> unicode:characters_to_binary(io_lib:format("~0tp", [V])) end,
	Answer = try (fun() -> %s end)() of
		B when is_binary(B) -> <<"+", B/binary>>;
		V -> <<"+", (Text(V))/binary>>
	catch
		Class:Reason -> <<"-", (Text({Class, Reason}))/binary>>
	end,
	io:format("~n%s ~s~n", [base64:encode(Answer)])
end)().
`

// eval evaluates an Erlang expression in the server.
func (p *process) eval(expr string) (string, error) {
	key := fmt.Sprintf("=answer=%d=", p.asked.Add(1))
	answer := make(chan string, 1)
	p.mu.Lock()
	p.answers[key] = answer
	p.mu.Unlock()
	if _, err := fmt.Fprintf(p.input, ask, ascii(strings.TrimSuffix(expr, ".")), key); err != nil {
		return "", err
	}
	select {
	case a := <-answer:
		b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(a))
		if err != nil {
			return "", err
		}
		if len(b) == 0 || b[0] != '+' {
			return "", fmt.Errorf("%s: %s", expr, b)
		}
		return string(b[1:]), nil
	case <-p.gone:
		return "", errors.New("the server has ended")
	case <-time.After(patience):
		return "", fmt.Errorf("%s: no answer: %s", expr, p.said())
	}
}

func (p *process) signal(s os.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	return nil
}

// ascii writes characters in strings as the shell reads them in any locale.
func ascii(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < 128 {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\x{%x}`, r)
		}
	}
	return b.String()
}
