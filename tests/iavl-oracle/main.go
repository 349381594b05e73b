// iavl-oracle runs cosmos/iavl itself on operations that it reads from its input, for differential tests.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	initial := flag.Uint64("initial-version", 0, "first version to save (0: 1)")
	flag.Parse()
	if err := runOracle(os.Stdin, os.Stdout, *initial); err != nil {
		fmt.Fprintln(os.Stderr, "iavl-oracle:", err)
		os.Exit(1)
	}
}
