/* SPDX-License-Identifier: MIT
 *
 * OpenSSL over blocking sockets, both sides in fibers of one thread: arguments, a certificate and
 * its key. */
#include "tests/tap.h"
#include <gosling.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MANY = 50, ROUNDS = 20 };

static SSL_CTX *server_ctx, *client_ctx;
static struct sockaddr_in address;
static int listener;

static int echoes(void *arg)
{
    int fd = (int)(intptr_t)arg, n;
    SSL *ssl = SSL_new(server_ctx);
    char buf[20000];

    SSL_set_fd(ssl, fd);
    if (SSL_accept(ssl) == 1)
        while ((n = SSL_read(ssl, buf, sizeof buf)) > 0 && SSL_write(ssl, buf, n) == n)
            ;
    SSL_shutdown(ssl);
    SSL_free(ssl);
    close(fd);
    return 0;
}

static int accepts(void *arg)
{
    for (int i = 0; i < MANY; i++) {
        int fd = accept(listener, NULL, NULL);

        if (fd < 0)
            return -errno;
        go_spawn(arg, echoes, (void *)(intptr_t)fd);
    }
    return 0;
}

static int talks(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0), rc = -EIO;
    SSL *ssl = SSL_new(client_ctx);
    char put[16000], got[16000];

    memset(put, 'a' + (int)(intptr_t)arg % 26, sizeof put);
    SSL_set_fd(ssl, fd);
    if (connect(fd, (void *)&address, sizeof address) == 0 && SSL_connect(ssl) == 1) {
        rc = 0;
        for (int i = 0; rc == 0 && i < ROUNDS; i++) {
            size_t n = 0, now;

            if (SSL_write(ssl, put, sizeof put) != sizeof put)
                rc = -EIO;
            while (rc == 0 && n < sizeof got) {
                if (SSL_read_ex(ssl, got + n, sizeof got - n, &now) != 1)
                    rc = -EIO;
                else
                    n += now;
            }
            if (rc == 0 && memcmp(put, got, sizeof put) != 0)
                rc = -EBADMSG;
        }
        SSL_shutdown(ssl);
    }
    SSL_free(ssl);
    close(fd);
    return rc;
}

static int both_sides(void *arg)
{
    int rc;

    (void)arg;
    GO_NURSERY(n, rc) {
        go_spawn(n, accepts, n);
        for (int i = 0; i < MANY; i++)
            go_spawn(n, talks, (void *)(intptr_t)i);
    }
    return rc;
}

LAW(both, "S11.44 OpenSSL over blocking sockets, both sides on one thread")
{
    CHECK_EQ(go_run(both_sides, NULL), 0);
}

int main(int argc, char **argv)
{
    socklen_t len = sizeof address;

    if (argc < 3)
        return 2;
    server_ctx = SSL_CTX_new(TLS_server_method());
    client_ctx = SSL_CTX_new(TLS_client_method());
    if (SSL_CTX_use_certificate_file(server_ctx, argv[1], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_use_PrivateKey_file(server_ctx, argv[2], SSL_FILETYPE_PEM) != 1 ||
        SSL_CTX_load_verify_locations(client_ctx, argv[1], NULL) != 1)
        return 2;
    SSL_CTX_set_verify(client_ctx, SSL_VERIFY_PEER, NULL);
    signal(SIGPIPE, SIG_IGN);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (bind(listener, (void *)&address, sizeof address) < 0 || listen(listener, 64) < 0)
        return 2;
    getsockname(listener, (void *)&address, &len);
    return tap_laws(1, argv);
}
