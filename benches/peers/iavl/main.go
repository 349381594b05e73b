// iavl measures cosmos/iavl itself, on the workload of treering's bench and with the same line of results.
//
// Both make the same operations in the same order, so they must end with the same root.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

func main() {
	c := &config{}
	flags := flag.NewFlagSet("iavl bench", flag.ExitOnError)
	c.flags(flags)
	if len(os.Args) < 2 || os.Args[1] != "bench" {
		fmt.Fprintln(os.Stderr, "usage: iavl bench [flags]")
		flags.PrintDefaults()
		os.Exit(2)
	}
	must(flags.Parse(os.Args[2:]))
	r, err := run(c)
	must(err)
	line, err := json.Marshal(r)
	must(err)
	fmt.Println(string(line))
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "iavl:", err)
		os.Exit(1)
	}
}
