package sandbox

import "strings"

// mocha runs the script's own mocha command with its options, and has it write TAP.
func mocha(before, rest string) func(string) []string {
	var options, files []string
	words := strings.Fields(rest)
	for i := 0; i < len(words); i++ {
		switch w := words[i]; {
		case (w == "-R" || w == "--reporter") && i+1 < len(words):
			i++
		case strings.HasPrefix(w, "--reporter"):
		case mochaTakesValue[w] && i+1 < len(words):
			options = append(options, w, words[i+1])
			i++
		case strings.HasPrefix(w, "-"):
			options = append(options, w)
		default:
			files = append(files, w)
		}
	}
	return shell(before, "node_modules/.bin/mocha --reporter=tap", strings.Join(options, " "), strings.Join(files, " "))
}

// mochaTakesValue are the options of mocha whose value is the next word.
var mochaTakesValue = map[string]bool{"-r": true, "--require": true, "-t": true, "--timeout": true, "--config": true, "--package": true, "-u": true, "--ui": true,
	"--extension": true, "--spec": true, "-g": true, "--grep": true, "-f": true, "--fgrep": true, "--ignore": true, "--import": true, "--loader": true}

// readMocha reads the output of mocha's TAP reporter, which has no names of suites of its own.
func readMocha(report []byte) Report {
	r := readTAP(report)
	r.Text = string(report)
	return r
}
