// Symbols that cross the boundary between the program and its plugins.
#pragma once
#define SAM3LAB_API __attribute__((visibility("default")))
