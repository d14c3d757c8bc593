#ifndef CHAT_SERVER_CRDKAFKA_SHIM_H
#define CHAT_SERVER_CRDKAFKA_SHIM_H

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

/// rd_kafka_producev takes a variable argument, which Swift does not import. The payload and the key are copied; the
/// headers belong to the library unless it returns an error.
static inline rd_kafka_resp_err_t crdkafka_produce(
    rd_kafka_t *rk, const char *topic, const void *key, size_t key_size, const void *value, size_t value_size,
    rd_kafka_headers_t *headers, void *opaque) {
    return rd_kafka_producev(
        rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
        RD_KAFKA_V_VALUE((void *)value, value_size), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(opaque),
        RD_KAFKA_V_END);
}

/// rd_kafka_mock_push_request_errors takes a variable argument as well.
static inline void crdkafka_mock_push_errors(
    rd_kafka_mock_cluster_t *cluster, int16_t api_key, size_t count, const rd_kafka_resp_err_t *errors) {
    rd_kafka_mock_push_request_errors_array(cluster, api_key, count, errors);
}

#endif
