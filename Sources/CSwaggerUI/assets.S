// The assets of Swagger UI as constants, each a gzip file; all empty if scripts/fetch-swagger-ui.sh has not run.

#if __has_include("swagger-ui-bundle.js.gz")
#define EMBED(name, file) \
    .global swagger_ui_##name; \
    .global swagger_ui_##name##_end; \
    .balign 16; \
    swagger_ui_##name: .incbin file; \
    swagger_ui_##name##_end: .byte 0
#else
#define EMBED(name, file) \
    .global swagger_ui_##name; \
    .global swagger_ui_##name##_end; \
    swagger_ui_##name: swagger_ui_##name##_end: .byte 0
#endif

    .section .rodata
EMBED(bundle, "swagger-ui-bundle.js.gz")
EMBED(style, "swagger-ui.css.gz")
EMBED(icon, "favicon-32x32.png.gz")
EMBED(license, "LICENSE.gz")
    .section .note.GNU-stack, "", %progbits
