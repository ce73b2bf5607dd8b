// A server of Go's standard library.
//
//	server CHAIN KEY ROOTS CRL 1.2|1.3 ROLE ID
//
// Prints where it listens, and ends when its standard input does.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 8 {
		log.Fatal("usage: server CHAIN KEY ROOTS CRL 1.2|1.3 ROLE ID")
	}
	certificate, err := tls.LoadX509KeyPair(os.Args[1], os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	pem, err := os.ReadFile(os.Args[3])
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		log.Fatalf("%s holds no certificate", os.Args[3])
	}
	version, known := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[os.Args[5]]
	if !known {
		log.Fatalf("%s is neither 1.2 nor 1.3", os.Args[5])
	}
	config := &tls.Config{
		Certificates: []tls.Certificate{certificate},
		ClientAuth:   tls.RequireAndVerifyClientCert,
		ClientCAs:    roots,
		MinVersion:   version,
		MaxVersion:   version,
	}
	server := &http.Server{
		TLSConfig: config,
		// Clients that are refused are the point of it.
		ErrorLog: log.New(io.Discard, "", 0),
		Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintln(w, "ok")
		}),
	}
	switch os.Args[6] {
	case "required", "plaintext":
	case "optional":
		config.ClientAuth = tls.VerifyClientCertIfGiven
	case "strict-sni":
		// As golang.org/x/crypto/acme/autocert does.
		config.Certificates = nil
		config.GetCertificate = func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName != "server.test" {
				return nil, errors.New("this is server.test")
			}
			return &certificate, nil
		}
	case "foreign-cipher":
		config.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
		// HTTP/2 insists on better ones.
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	case "strict-alpn":
		config.NextProtos = []string{"http/1.1"}
		server.TLSNextProto = map[string]func(*http.Server, *tls.Conn, http.Handler){}
	default:
		log.Fatalf("this server cannot be %s", os.Args[6])
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
	if os.Args[6] == "plaintext" {
		log.Fatal(server.Serve(listener))
	}
	log.Fatal(server.ServeTLS(listener, "", ""))
}
