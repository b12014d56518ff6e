/*
 * Downloads over plain HTTP or TLS as fast as the other side can send. Every thread makes a real TLS 1.3 handshake and sends a
 * real request; in the stream mode it then throws the bytes away inside the kernel (recv with MSG_TRUNC), so that neither a
 * copy nor decryption makes the client the bottleneck. In the request mode every answer is read whole and decrypted.
 *
 * load-client stream|requests plain|tls HOST PORT PATH THREADS SECONDS [BYTES [ENCODING]]
 * Prints one line of JSON. BYTES: in the request mode, how long a body must be. ENCODING: what is accepted, gzip or identity.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct sockaddr_in target;
static SSL_CTX *tls_context;
static char request[1024];
static int use_tls, read_all;
static long expected_bytes;
static atomic_int phase; /* 0: warming up, 1: counting, 2: over */

struct worker {
  pthread_t thread;
  long bytes, requests, failures;
};

static int open_connection(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int one = 1;
  struct timeval limit = {.tv_sec = 20};
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  if (connect(fd, (struct sockaddr *)&target, sizeof target) == 0) return fd;
  close(fd);
  return -1;
}

static void discard(int fd, struct worker *me) {
  for (;;) {
    ssize_t count = recv(fd, NULL, 4 << 20, MSG_TRUNC);
    int now = atomic_load_explicit(&phase, memory_order_relaxed);
    if (count <= 0 || now == 2) return;
    if (now == 1) me->bytes += count;
  }
}

/* Reads headers and body; true when the body has the length that was announced on the command line. */
static int read_answer(int fd, SSL *ssl) {
  static __thread char buffer[1 << 16];
  long total = 0, head = -1;
  for (;;) {
    int count = ssl ? SSL_read(ssl, buffer, sizeof buffer) : (int)recv(fd, buffer, sizeof buffer, 0);
    if (count <= 0) break;
    if (head < 0) {
      char *end = memmem(buffer, count, "\r\n\r\n", 4);
      if (end == NULL || memcmp(buffer, "HTTP/1.1 200", 12) != 0) return 0;
      head = end + 4 - buffer;
    }
    total += count;
    if (total - head >= expected_bytes) break;
  }
  return head >= 0 && total - head == expected_bytes;
}

static int one_download(struct worker *me) {
  int fd = open_connection();
  if (fd < 0) return 0;
  SSL *ssl = NULL;
  int good = 1;
  if (use_tls) {
    ssl = SSL_new(tls_context);
    SSL_set_fd(ssl, fd);
    good = SSL_connect(ssl) == 1 && SSL_write(ssl, request, strlen(request)) > 0;
  } else {
    good = send(fd, request, strlen(request), MSG_NOSIGNAL) > 0;
  }
  if (good && read_all) good = read_answer(fd, ssl);
  else if (good) discard(fd, me);
  if (ssl) SSL_free(ssl);
  close(fd);
  return good;
}

static void *run(void *argument) {
  struct worker *me = argument;
  while (atomic_load(&phase) != 2) {
    int good = one_download(me);
    if (atomic_load(&phase) != 1) continue;
    if (good) me->requests += 1;
    else me->failures += 1;
  }
  return NULL;
}

static void sleep_for(double seconds) {
  struct timespec time = {(time_t)seconds, (long)((seconds - (long)seconds) * 1e9)};
  nanosleep(&time, NULL);
}

int main(int argc, char **argv) {
  if (argc < 8) return 2;
  signal(SIGPIPE, SIG_IGN);
  read_all = strcmp(argv[1], "requests") == 0;
  use_tls = strcmp(argv[2], "tls") == 0;
  target.sin_family = AF_INET;
  target.sin_port = htons(atoi(argv[4]));
  inet_pton(AF_INET, argv[3], &target.sin_addr);
  int threads = atoi(argv[6]);
  double seconds = atof(argv[7]);
  expected_bytes = argc > 8 ? atol(argv[8]) : 0;
  snprintf(request, sizeof request,
           "GET %s HTTP/1.1\r\nHost: localhost\r\nUser-Agent: bench\r\nAccept-Encoding: %s\r\nConnection: close\r\n\r\n", argv[5],
           argc > 9 ? argv[9] : "gzip");
  tls_context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_min_proto_version(tls_context, TLS1_3_VERSION);
  SSL_CTX_set_session_cache_mode(tls_context, SSL_SESS_CACHE_OFF);
  struct worker *workers = calloc(threads, sizeof *workers);
  for (int i = 0; i < threads; i++) pthread_create(&workers[i].thread, NULL, run, &workers[i]);
  sleep_for(0.5);
  struct timespec start, end;
  clock_gettime(CLOCK_MONOTONIC, &start);
  atomic_store(&phase, 1);
  sleep_for(seconds);
  atomic_store(&phase, 2);
  clock_gettime(CLOCK_MONOTONIC, &end);
  double took = (end.tv_sec - start.tv_sec) + (end.tv_nsec - start.tv_nsec) / 1e9;
  long bytes = 0, requests = 0, failures = 0, slowest = -1, fastest = 0;
  for (int i = 0; i < threads; i++) pthread_join(workers[i].thread, NULL);
  for (int i = 0; i < threads; i++) {
    bytes += workers[i].bytes;
    requests += workers[i].requests;
    failures += workers[i].failures;
    if (slowest < 0 || workers[i].bytes < slowest) slowest = workers[i].bytes;
    if (workers[i].bytes > fastest) fastest = workers[i].bytes;
  }
  printf("{\"seconds\":%.3f,\"bytes\":%ld,\"requests\":%ld,\"failures\":%ld,\"slowest\":%ld,\"fastest\":%ld}\n", took, bytes,
         requests, failures, slowest, fastest);
  return 0;
}
