// A server of go-spiffe that lets one SPIFFE ID in.
//
//	server CHAIN KEY ROOTS CRL 1.2|1.3 ROLE ID
//
// Prints where it listens, and ends when its standard input does.
package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/spiffe/go-spiffe/v2/svid/x509svid"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 8 {
		log.Fatal("usage: server CHAIN KEY ROOTS CRL 1.2|1.3 ROLE ID")
	}
	svid, err := x509svid.Load(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	id, err := spiffeid.FromString(os.Args[7])
	if err != nil {
		log.Fatal(err)
	}
	bundle, err := x509bundle.Load(id.TrustDomain(), os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	version, known := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[os.Args[5]]
	if !known {
		log.Fatalf("%s is neither 1.2 nor 1.3", os.Args[5])
	}
	if os.Args[6] != "required" {
		log.Fatalf("this server cannot be %s", os.Args[6])
	}
	config := tlsconfig.MTLSServerConfig(svid, bundle, tlsconfig.AuthorizeID(id))
	config.MinVersion = version
	config.MaxVersion = version
	server := &http.Server{
		TLSConfig: config,
		// Clients that are refused are the point of it.
		ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "ok")
		}),
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("listening on", listener.Addr())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	log.Fatal(server.ServeTLS(listener, "", ""))
}
