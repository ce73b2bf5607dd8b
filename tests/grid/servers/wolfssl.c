// An HTTPS server on wolfSSL, one thread for each connection.
//
// wolfssl VERSION(1.2|1.3) CHAIN KEY ROOTS [optional] [ca=FILE] [crl=FILE]... [sni=NAME] [alpn=NAME] [ciphers=LIST]
//
// It prints `LISTENING 127.0.0.1:PORT`, and ends when its standard input does.

#include <wolfssl/options.h>
#include <wolfssl/ssl.h>

#include <arpa/inet.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static WOLFSSL_CTX *context;
static const char *sni, *alpn;

static void fail(const char *what) {
    fprintf(stderr, "wolfssl: %s\n", what);
    exit(1);
}

static void *until_input_ends(void *nothing) {
    char byte;
    while (read(0, &byte, 1) > 0) {
    }
    _exit(0);
    return nothing;
}

static void *serve(void *argument) {
    int socket = (int)(long)argument;
    WOLFSSL *ssl = wolfSSL_new(context);
    if (ssl == NULL) fail("no memory");
    if (alpn != NULL &&
        wolfSSL_UseALPN(ssl, (char *)alpn, strlen(alpn), WOLFSSL_ALPN_FAILED_ON_MISMATCH) != WOLFSSL_SUCCESS)
        fail("alpn");
    wolfSSL_set_fd(ssl, socket);
    if (wolfSSL_accept(ssl) == WOLFSSL_SUCCESS) {
        static const char reply[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nConnection: close\r\n\r\nok\n";
        char request[4096];
        if (wolfSSL_read(ssl, request, sizeof request) > 0) {
            wolfSSL_write(ssl, reply, sizeof reply - 1);
            wolfSSL_shutdown(ssl);
        }
    }
    wolfSSL_free(ssl);
    close(socket);
    return NULL;
}

int main(int count, char **arguments) {
    if (count < 5) fail("usage: VERSION CHAIN KEY ROOTS [OPTION]...");
    signal(SIGPIPE, SIG_IGN);
    wolfSSL_Init();
    int is_12 = strcmp(arguments[1], "1.2") == 0;
    context = wolfSSL_CTX_new(is_12 ? wolfTLSv1_2_server_method() : wolfTLSv1_3_server_method());
    if (context == NULL) fail("context");
    if (wolfSSL_CTX_use_certificate_chain_file(context, arguments[2]) != WOLFSSL_SUCCESS) fail("chain");
    if (wolfSSL_CTX_use_PrivateKey_file(context, arguments[3], WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS) fail("key");
    if (wolfSSL_CTX_load_verify_locations(context, arguments[4], NULL) != WOLFSSL_SUCCESS) fail("roots");

    int verify = WOLFSSL_VERIFY_PEER | WOLFSSL_VERIFY_FAIL_IF_NO_PEER_CERT;
    for (int at = 5; at < count; at++) {
        char *name = arguments[at], *value = strchr(name, '=');
        if (value != NULL) *value++ = 0;
        if (strcmp(name, "optional") == 0) {
            verify = WOLFSSL_VERIFY_PEER;
        } else if (strcmp(name, "ca") == 0 && value != NULL) {
            if (wolfSSL_CTX_load_verify_locations(context, value, NULL) != WOLFSSL_SUCCESS) fail("ca");
        } else if (strcmp(name, "crl") == 0 && value != NULL) {
            // Checking is to be on before a list can be loaded.
            if (wolfSSL_CTX_EnableCRL(context, WOLFSSL_CRL_CHECKALL) != WOLFSSL_SUCCESS ||
                wolfSSL_CTX_LoadCRLFile(context, value, WOLFSSL_FILETYPE_PEM) != WOLFSSL_SUCCESS)
                fail("crl");
        } else if (strcmp(name, "sni") == 0 && value != NULL) {
            sni = value;
            if (wolfSSL_CTX_UseSNI(context, WOLFSSL_SNI_HOST_NAME, sni, strlen(sni)) != WOLFSSL_SUCCESS) fail("sni");
        } else if (strcmp(name, "alpn") == 0 && value != NULL) {
            alpn = value;
        } else if (strcmp(name, "ciphers") == 0 && value != NULL) {
            if (wolfSSL_CTX_set_cipher_list(context, value) != WOLFSSL_SUCCESS) fail("ciphers");
        } else {
            fail(name);
        }
    }
    wolfSSL_CTX_set_verify(context, verify, NULL);

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
