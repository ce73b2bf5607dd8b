// An HTTPS server on mbed TLS 2, TLS 1.2 only, one thread for each connection.
//
// mbedtls CHAIN KEY ROOTS [crl=FILE] [sni=NAME] [alpn=NAME] [cipher=NAME]
//
// It prints `LISTENING 127.0.0.1:PORT`, and ends when its standard input does.

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/net_sockets.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crl.h>
#include <mbedtls/x509_crt.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static mbedtls_ssl_config config;
static const char *sni;

static void fail(const char *what) {
    fprintf(stderr, "mbedtls: %s\n", what);
    exit(1);
}

static void *until_input_ends(void *nothing) {
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    _exit(0);
    return nothing;
}

static int has_name(void *nothing, mbedtls_ssl_context *ssl, const unsigned char *name, size_t length) {
    (void)nothing;
    (void)ssl;
    return length == strlen(sni) && memcmp(name, sni, length) == 0 ? 0 : -1;
}

static void *serve(void *argument) {
    mbedtls_net_context net;
    mbedtls_ssl_context ssl;
    mbedtls_net_init(&net);
    net.fd = (int)(long)argument;
    mbedtls_ssl_init(&ssl);
    if (mbedtls_ssl_setup(&ssl, &config) != 0) fail("no memory");
    mbedtls_ssl_set_bio(&ssl, &net, mbedtls_net_send, mbedtls_net_recv, NULL);
    if (mbedtls_ssl_handshake(&ssl) == 0) {
        static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
        unsigned char request[4096];
        if (mbedtls_ssl_read(&ssl, request, sizeof request) > 0) {
            mbedtls_ssl_write(&ssl, (const unsigned char *)reply, sizeof reply - 1);
            mbedtls_ssl_close_notify(&ssl);
        }
    }
    mbedtls_ssl_free(&ssl);
    mbedtls_net_free(&net);
    return NULL;
}

int main(int count, char **arguments) {
    static mbedtls_entropy_context entropy;
    static mbedtls_ctr_drbg_context random;
    static mbedtls_ssl_ticket_context tickets;
    static mbedtls_x509_crt chain, roots;
    static mbedtls_x509_crl lists;
    static mbedtls_pk_context key;
    static const char *protocols[2];
    static int ciphers[2];

    if (count < 4) fail("usage: CHAIN KEY ROOTS [OPTION]...");
    signal(SIGPIPE, SIG_IGN);
    mbedtls_entropy_init(&entropy);
    mbedtls_ctr_drbg_init(&random);
    mbedtls_ssl_ticket_init(&tickets);
    mbedtls_ssl_config_init(&config);
    if (mbedtls_ctr_drbg_seed(&random, mbedtls_entropy_func, &entropy, NULL, 0) != 0) fail("random");
    if (mbedtls_x509_crt_parse_file(&chain, arguments[1]) != 0) fail("chain");
    if (mbedtls_pk_parse_keyfile(&key, arguments[2], NULL) != 0) fail("key");
    if (mbedtls_x509_crt_parse_file(&roots, arguments[3]) != 0) fail("roots");
    if (mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                    MBEDTLS_SSL_PRESET_DEFAULT) != 0)
        fail("defaults");
    mbedtls_ssl_conf_min_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_max_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3, MBEDTLS_SSL_MINOR_VERSION_3);
    mbedtls_ssl_conf_rng(&config, mbedtls_ctr_drbg_random, &random);
    mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_REQUIRED);
    if (mbedtls_ssl_conf_own_cert(&config, &chain, &key) != 0) fail("own certificate");
    if (mbedtls_ssl_ticket_setup(&tickets, mbedtls_ctr_drbg_random, &random, MBEDTLS_CIPHER_AES_256_GCM, 86400) != 0)
        fail("tickets");
    mbedtls_ssl_conf_session_tickets_cb(&config, mbedtls_ssl_ticket_write, mbedtls_ssl_ticket_parse, &tickets);

    mbedtls_x509_crl *in_force = NULL;
    for (int at = 4; at < count; at++) {
        char *name = arguments[at], *value = strchr(name, '=');
        if (value == NULL) fail(name);
        *value++ = 0;
        if (strcmp(name, "crl") == 0) {
            if (mbedtls_x509_crl_parse_file(&lists, value) != 0) fail("crl");
            in_force = &lists;
        } else if (strcmp(name, "sni") == 0) {
            sni = value;
            mbedtls_ssl_conf_sni(&config, has_name, NULL);
        } else if (strcmp(name, "alpn") == 0) {
            protocols[0] = value;
            if (mbedtls_ssl_conf_alpn_protocols(&config, protocols) != 0) fail("alpn");
        } else if (strcmp(name, "cipher") == 0) {
            ciphers[0] = mbedtls_ssl_get_ciphersuite_id(value);
            if (ciphers[0] == 0) fail("cipher");
            mbedtls_ssl_conf_ciphersuites(&config, ciphers);
        } else {
            fail(name);
        }
    }
    mbedtls_ssl_conf_ca_chain(&config, &roots, in_force);

    int listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    if (bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 512) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) != 0)
        fail("no port");
    printf("LISTENING 127.0.0.1:%d\n", ntohs(address.sin_port));
    fflush(stdout);

    pthread_t thread;
    pthread_create(&thread, NULL, until_input_ends, NULL);
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) continue;
        if (pthread_create(&thread, NULL, serve, (void *)(long)connection) == 0)
            pthread_detach(thread);
        else
            close(connection);
    }
}
