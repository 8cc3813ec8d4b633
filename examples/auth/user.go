package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
)

// readPassword reads one line. A password never comes in an argument, where
// other users of the machine could see it, nor in the environment.
func readPassword(in *os.File, prompt io.Writer) (string, error) {
	if info, err := in.Stat(); err == nil && info.Mode()&os.ModeCharDevice != 0 {
		hidden := stty(in, "-echo") == nil
		if hidden {
			fmt.Fprint(prompt, "password: ")
			defer func() {
				_ = stty(in, "echo") // it worked before
				fmt.Fprintln(prompt)
			}()
		} else {
			fmt.Fprint(prompt, "password (it will be shown): ")
		}
	}
	line, err := bufio.NewReader(io.LimitReader(in, 4096)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
	if line == "" {
		return "", errors.New("no password: write it to the standard input, as one line")
	}
	return line, nil
}

// stty sets the terminal. There is none on Windows.
func stty(terminal *os.File, setting string) error {
	cmd := exec.Command("stty", setting)
	cmd.Stdin = terminal
	return cmd.Run()
}
