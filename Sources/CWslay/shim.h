#ifndef CHAT_SERVER_CWSLAY_SHIM_H
#define CHAT_SERVER_CWSLAY_SHIM_H

#include <wslay/wslay.h>

// Swift imports the members of C enums as structs; these are plain integers.
static const uint8_t CWSLAY_TEXT = WSLAY_TEXT_FRAME;
static const uint8_t CWSLAY_BINARY = WSLAY_BINARY_FRAME;
static const uint8_t CWSLAY_CONTINUATION = WSLAY_CONTINUATION_FRAME;
static const uint8_t CWSLAY_CLOSE = WSLAY_CONNECTION_CLOSE;
static const uint8_t CWSLAY_PING = WSLAY_PING;
static const int CWSLAY_OUT_OF_MEMORY = WSLAY_ERR_NOMEM;

/// Says to the library that there is nothing to read now; what a receive callback returns then.
static inline ssize_t cwslay_would_block(wslay_event_context_ptr context) {
    wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
    return -1;
}

#endif
