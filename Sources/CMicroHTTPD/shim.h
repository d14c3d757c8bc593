#ifndef CHAT_SERVER_CMICROHTTPD_SHIM_H
#define CHAT_SERVER_CMICROHTTPD_SHIM_H

#include <microhttpd.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

// glibc declares these only under _GNU_SOURCE.
int pthread_setname_np(pthread_t thread, const char *name);
int dup3(int from, int to, int flags);
int accept4(int descriptor, struct sockaddr *address, socklen_t *length, int flags);

// Swift imports no variadic function. Each helper below is one such call with its types made plain; none of them decides
// anything.

/// What every daemon of an event loop needs: callbacks, their closure, and limits.
struct cmhd_settings {
    MHD_AccessHandlerCallback handler;
    MHD_RequestCompletedCallback completed;
    MHD_NotifyConnectionCallback connection;
    void *(*target)(void *closure, const char *uri, struct MHD_Connection *connection);
    size_t (*unescape)(void *closure, struct MHD_Connection *connection, char *text);
    MHD_LogCallback log;
    void *closure;
    size_t memory_bytes;
    unsigned int connection_limit;
    unsigned int timeout_seconds;
};

#define CMHD_FLAGS                                                                                                 \
    (MHD_USE_EPOLL | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME | MHD_ALLOW_UPGRADE | MHD_USE_ERROR_LOG)

static inline struct MHD_Daemon *cmhd_start(const struct cmhd_settings *s) {
    return MHD_start_daemon(
        CMHD_FLAGS, 0, NULL, NULL, s->handler, s->closure,
        // First, so that it is in place for whatever the other options have to say.
        MHD_OPTION_EXTERNAL_LOGGER, s->log, s->closure,
        MHD_OPTION_NOTIFY_COMPLETED, s->completed, s->closure,
        MHD_OPTION_NOTIFY_CONNECTION, s->connection, s->closure,
        MHD_OPTION_URI_LOG_CALLBACK, s->target, s->closure,
        MHD_OPTION_UNESCAPE_CALLBACK, s->unescape, s->closure,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->memory_bytes,
        MHD_OPTION_CONNECTION_LIMIT, s->connection_limit,
        MHD_OPTION_CONNECTION_TIMEOUT, s->timeout_seconds,
        MHD_OPTION_END);
}

static inline struct MHD_Daemon *cmhd_start_tls(const struct cmhd_settings *s, const char *certificate_pem,
                                                const char *key_pem) {
    return MHD_start_daemon(
        CMHD_FLAGS | MHD_USE_TLS, 0, NULL, NULL, s->handler, s->closure,
        MHD_OPTION_EXTERNAL_LOGGER, s->log, s->closure,
        MHD_OPTION_NOTIFY_COMPLETED, s->completed, s->closure,
        MHD_OPTION_NOTIFY_CONNECTION, s->connection, s->closure,
        MHD_OPTION_URI_LOG_CALLBACK, s->target, s->closure,
        MHD_OPTION_UNESCAPE_CALLBACK, s->unescape, s->closure,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, s->memory_bytes,
        MHD_OPTION_CONNECTION_LIMIT, s->connection_limit,
        MHD_OPTION_CONNECTION_TIMEOUT, s->timeout_seconds,
        MHD_OPTION_HTTPS_MEM_CERT, certificate_pem,
        MHD_OPTION_HTTPS_MEM_KEY, key_pem,
        MHD_OPTION_END);
}

static inline int cmhd_epoll_descriptor(struct MHD_Daemon *daemon) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info == NULL ? -1 : info->epoll_fd;
}

static inline void *cmhd_socket_context(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static inline size_t cmhd_header_bytes(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    return info == NULL ? 0 : info->header_size;
}

/// Gives an upgraded connection back to the library, which closes it.
static inline void cmhd_close_upgraded(struct MHD_UpgradeResponseHandle *upgraded) {
    MHD_upgrade_action(upgraded, MHD_UPGRADE_ACTION_CLOSE);
}

/// Lets the application give a Content-Length of its own.
static inline void cmhd_allow_content_length(struct MHD_Response *response) {
    MHD_set_response_options(response, MHD_RF_INSANITY_HEADER_CONTENT_LENGTH, MHD_RO_END);
}

/// Has a body of unknown length end with the connection.
static inline void cmhd_end_with_connection(struct MHD_Response *response) {
    MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
}

#endif
