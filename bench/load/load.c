// SPDX-License-Identifier: Apache-2.0
// A load on a server on this machine: connections that each send one request after the other, read
// the answers meanwhile, and throw them away. One thread; made to cost little, so that it measures
// the server. Prints JSON.
//
//     load --port N --target PATH [OPTION]...     the options are in the table below
//
// A key comes in the environment, as ENCRYPTION_KEY.
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "answer.h"
#include "upload.h"

#define QUIET_MS 300
#define SETTLE_MS 300

struct connection {
    int fd;
    bool is_busy; // with a request
    uint64_t n_sent;
    double begun, first_byte; // seconds; 0: not yet
    struct answer answer;
};

struct times {
    float *ms;
    size_t n, cap;
};

static struct {
    struct upload upload;
    struct connection *connections;
    size_t n_connections;
    uint16_t port;
    uint64_t n_requests, n_begun, n_done, n_errors; // n_requests 0: until the time is up
    uint64_t n_sent, n_received;
    uint64_t stall_after; // bytes; 0: nobody stalls
    bool reads_last, holds, is_over;
    double seconds, begun, last;
    const char *cpu_of;
    double cpu_seconds; // of those processes
    int epoll, bad_status;
    struct times first_byte, whole;
} load;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

// The processor time that processes have taken, "PID,PID" or NULL for none.
static double cpu_seconds(const char *pids)
{
    unsigned long user, system, ticks = 0;
    char path[64];

    for (; pids; pids = strchr(pids, ',') ? strchr(pids, ',') + 1 : NULL) {
        snprintf(path, sizeof(path), "/proc/%d/stat", atoi(pids));
        FILE *file = fopen(path, "r");
        // Behind the name, which has no parenthesis here, come eleven fields first.
        if (!file || fscanf(file, "%*[^)]) %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %*s %lu %lu",
                            &user, &system) != 2)
            die(path);
        fclose(file);
        ticks += user + system;
    }
    return (double)ticks / (double)sysconf(_SC_CLK_TCK);
}

static void add_time(struct times *times, double seconds)
{
    if (times->n == times->cap) {
        times->cap = times->cap ? 2 * times->cap : 1024;
        times->ms = realloc(times->ms, times->cap * sizeof(*times->ms));
        if (!times->ms)
            die("realloc");
    }
    times->ms[times->n++] = (float)(seconds * 1000);
}

static void connect_one(struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(load.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = connection};
    // Closed without a trace: thousands of connections would use up the ports.
    const struct linger linger = {.l_onoff = 1};
    const int one = 1;

    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connection->fd < 0)
        die("socket");
    setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(connection->fd, (struct sockaddr *)&address, sizeof(address)) != 0)
        die("connect");
    if (fcntl(connection->fd, F_SETFL, O_NONBLOCK) != 0 ||
        epoll_ctl(load.epoll, EPOLL_CTL_ADD, connection->fd, &event) != 0)
        die("epoll_ctl");
}

static bool begin_request(struct connection *connection)
{
    if (load.is_over || (load.n_requests > 0 && load.n_begun == load.n_requests))
        return false;
    load.n_begun++;
    connection->is_busy = true;
    connection->n_sent = 0;
    connection->begun = now();
    connection->first_byte = 0;
    // Its head need not be cleared.
    memset(&connection->answer, 0, offsetof(struct answer, head));
    return true;
}

// The answer has ended, well or not. False: this connection has nothing more to do.
static bool end_request(struct connection *connection)
{
    const struct answer *answer = &connection->answer;
    bool is_good = answer->state == ANSWER_DONE;

    connection->is_busy = false;
    load.n_sent += connection->n_sent;
    load.n_received += answer->n_bytes;
    load.last = now();
    if (is_good) {
        load.n_done++;
        add_time(&load.first_byte, connection->first_byte - connection->begun);
        add_time(&load.whole, load.last - connection->begun);
    } else {
        load.n_errors++;
        load.bad_status = answer->status;
    }
    if (!is_good || answer->is_last || connection->n_sent < load.upload.n) {
        close(connection->fd);
        connect_one(connection);
    }
    return begin_request(connection);
}

static bool send_more(struct connection *connection)
{
    uint64_t end = load.stall_after > 0 ? load.stall_after : load.upload.n;

    return upload_send(&load.upload, connection->fd, &connection->n_sent, end);
}

static void read_more(struct connection *connection)
{
    struct answer *answer = &connection->answer;

    bool has_more = true;

    while (answer->state < ANSWER_DONE && has_more) {
        has_more = answer_read(answer, connection->fd);
        if (connection->first_byte == 0 && answer->n_bytes > 0)
            connection->first_byte = now();
    }
}

// Goes as far as the sockets let it. What comes later, an event of its own says.
static void go_on(struct connection *connection, bool is_readable)
{
    while (connection->is_busy) {
        bool sends = connection->n_sent == load.upload.n || send_more(connection);
        bool has_sent = connection->n_sent == load.upload.n;

        // A server that refuses says why before it closes.
        if (!sends || (load.reads_last ? has_sent : is_readable))
            read_more(connection);
        if (!sends)
            connection->answer.state = ANSWER_BAD;
        if (connection->answer.state < ANSWER_DONE || !end_request(connection))
            return;
        is_readable = false;
    }
}

// One turn. False: nothing has come for so long.
static bool turn(int timeout_ms)
{
    struct epoll_event events[256];
    int n = epoll_wait(load.epoll, events, 256, timeout_ms);

    for (int i = 0; i < n; i++)
        go_on(events[i].data.ptr, events[i].events & ~(uint32_t)EPOLLOUT);
    return n > 0;
}

static void run(void)
{
    for (size_t i = 0; i < load.n_connections; i++)
        connect_one(&load.connections[i]);
    // Until the server has accepted them all: that is not what is measured.
    if (load.cpu_of)
        usleep(SETTLE_MS * 1000);
    load.cpu_seconds = -cpu_seconds(load.cpu_of);
    load.begun = load.last = now();
    for (size_t i = 0; i < load.n_connections; i++) {
        if (begin_request(&load.connections[i]))
            go_on(&load.connections[i], false);
    }
    if (load.stall_after > 0) {
        while (turn(QUIET_MS))
            ;
        return;
    }
    // What has begun when the time is up ends too.
    while (load.n_done + load.n_errors < load.n_begun) {
        turn(100);
        if (load.seconds > 0 && now() - load.begun >= load.seconds)
            load.is_over = true;
    }
}

static int compare(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;

    return (x > y) - (x < y);
}

static double quantile(struct times *times, double q)
{
    if (times->n == 0)
        return 0;
    qsort(times->ms, times->n, sizeof(*times->ms), compare);
    return (double)times->ms[(size_t)(q * (double)(times->n - 1))];
}

static void report(void)
{
    load.cpu_seconds += cpu_seconds(load.cpu_of);
    printf("{\"requests\": %llu, \"errors\": %llu, \"bad_status\": %d, \"seconds\": %.6f, "
           "\"cpu_seconds\": %.2f, \"sent_bytes\": %llu, \"received_bytes\": %llu, "
           "\"first_byte_ms\": %.4f, "
           "\"p50_ms\": %.4f, \"p99_ms\": %.4f, \"max_ms\": %.4f}\n",
           (unsigned long long)load.n_done, (unsigned long long)load.n_errors, load.bad_status,
           load.last - load.begun, load.cpu_seconds, (unsigned long long)load.n_sent,
           (unsigned long long)load.n_received, quantile(&load.first_byte, 0.5),
           quantile(&load.whole, 0.5), quantile(&load.whole, 0.99), quantile(&load.whole, 1));
    fflush(stdout);
}

// Keeps the connections as they are until whoever started this closes its end.
static void hold(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    while (poll(&input, 1, 0) == 0)
        turn(20);
}

static const struct option names[] = {
    {"port", required_argument, NULL, 'p'},
    {"target", required_argument, NULL, 't'},
    {"method", required_argument, NULL, 'm'},      // PUT, or POST
    {"form", no_argument, NULL, 'f'},              // the body is a file in a form
    {"chunked", no_argument, NULL, 'c'},           // and of unknown length
    {"bytes", required_argument, NULL, 'b'},       // of noise in each body
    {"file", required_argument, NULL, 'F'},        // the body, instead of noise
    {"connections", required_argument, NULL, 'n'}, // 1
    {"requests", required_argument, NULL, 'r'},    // in all; 1
    {"seconds", required_argument, NULL, 's'},     // instead
    {"read-last", no_argument, NULL, 'l'},         // read nothing before all is sent
    {"stall-after", required_argument, NULL, 'S'}, // bytes: never send more
    {"cpu-of", required_argument, NULL, 'C'},      // PID,PID: measure their processor time
    {"hold", no_argument, NULL, 'h'},              // keep the connections until stdin ends
    {0},
};

// False: it is no option of what is sent.
static bool set_upload(int option, struct upload_options *upload)
{
    switch (option) {
    case 't':
        upload->target = optarg;
        return true;
    case 'm':
        upload->method = optarg;
        return true;
    case 'f':
        upload->is_form = true;
        upload->method = "POST";
        return true;
    case 'c':
        upload->is_chunked = true;
        return true;
    case 'b':
        upload->n_body = strtoull(optarg, NULL, 10);
        return true;
    case 'F':
        upload->file = optarg;
        return true;
    default:
        return false;
    }
}

static void set_load(int option)
{
    switch (option) {
    case 'p':
        load.port = (uint16_t)atoi(optarg);
        break;
    case 'n':
        load.n_connections = strtoull(optarg, NULL, 10);
        break;
    case 'r':
        load.n_requests = strtoull(optarg, NULL, 10);
        break;
    case 's':
        load.seconds = strtod(optarg, NULL);
        load.n_requests = 0;
        break;
    case 'l':
        load.reads_last = true;
        break;
    case 'S':
        load.stall_after = strtoull(optarg, NULL, 10);
        break;
    case 'C':
        load.cpu_of = optarg;
        break;
    case 'h':
        load.holds = true;
        break;
    default:
        exit(2);
    }
}

static void read_options(int argc, char **argv)
{
    struct upload_options upload = {
        .method = "PUT", .target = "/", .key = getenv("ENCRYPTION_KEY")};
    int option;

    load.n_connections = load.n_requests = 1;
    while ((option = getopt_long(argc, argv, "", names, NULL)) != -1) {
        if (!set_upload(option, &upload))
            set_load(option);
    }
    if (!upload_init(&load.upload, &upload))
        die(upload.file ? upload.file : "head");
    if (load.stall_after >= load.upload.n)
        load.stall_after = 0;
}

int main(int argc, char **argv)
{
    struct rlimit files;

    read_options(argc, argv);
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.connections = calloc(load.n_connections, sizeof(*load.connections));
    if (load.epoll < 0 || !load.connections)
        die("load");
    run();
    report();
    if (load.holds)
        hold();
    return load.n_errors > 0;
}
