#ifndef CHAT_SERVER_CSWAGGERUI_H
#define CHAT_SERVER_CSWAGGERUI_H

#include <stddef.h>
#include <stdint.h>

/// A gzip file in the binary's constants; of length 0 if the build had none.
typedef struct {
    const uint8_t *bytes;
    size_t length;
} swagger_ui_asset;

#define SWAGGER_UI_ASSET(name)                                                                                 \
    extern const uint8_t swagger_ui_##name[];                                                                  \
    extern const uint8_t swagger_ui_##name##_end[];                                                            \
    static inline swagger_ui_asset swagger_ui_get_##name(void) {                                               \
        return (swagger_ui_asset){swagger_ui_##name, (size_t)(swagger_ui_##name##_end - swagger_ui_##name)};   \
    }

SWAGGER_UI_ASSET(bundle)
SWAGGER_UI_ASSET(style)
SWAGGER_UI_ASSET(icon)
SWAGGER_UI_ASSET(license)

#endif
