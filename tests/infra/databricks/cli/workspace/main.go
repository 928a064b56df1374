// A workspace of Databricks that keeps what is deployed to it in memory: the command line's own test server, which
// answers as the service does as far as bundles ask. It prints its address and serves until it is ended.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/databricks/cli/libs/testserver"
)

// process stands where the server expects a test: faults end the process.
type process struct{}

func (process) Log(a ...any)                 { fmt.Fprintln(os.Stderr, a...) }
func (process) Logf(format string, a ...any) { fmt.Fprintf(os.Stderr, format+"\n", a...) }
func (p process) Error(a ...any)             { p.Log(a...) }
func (p process) Errorf(f string, a ...any)  { p.Logf(f, a...) }
func (p process) Fatal(a ...any)             { p.Log(a...); os.Exit(1) }
func (p process) Fatalf(f string, a ...any)  { p.Logf(f, a...); os.Exit(1) }
func (process) FailNow()                     { os.Exit(1) }
func (process) Skip(...any)                  {}
func (process) Skipf(string, ...any)         {}
func (process) Cleanup(func())               {}
func (process) Context() context.Context     { return context.Background() }
func (process) Setenv(name, value string)    { os.Setenv(name, value) }
func (process) Helper()                      {}
func (process) TempDir() string {
	folder, _ := os.MkdirTemp("", "workspace")
	return folder
}

func main() {
	server := testserver.New(process{})
	testserver.AddDefaultHandlers(server)
	fmt.Println(server.URL)
	select {}
}
