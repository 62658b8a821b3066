// The one header that a program includes.
#pragma once

#include <holdfast/database.h>
#include <holdfast/env.h>
#include <holdfast/ids.h>
#include <holdfast/options.h>
#include <holdfast/projection.h>
#include <holdfast/result.h>
