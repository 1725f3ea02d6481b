// How the rows of a block are cut into tiles.
#pragma once
#include "gemmPack.h"

namespace splitmask::SPLITMASK_SET {

// The height of row panels: even ones, so that 100 rows are 7 × 13 + 9 and not 7 × 14 + 2.
SPLITMASK_INLINE int64 evenHeight(int64 rows) { return rows > 0 ? divideUp(rows, divideUp(rows, tileRows)) : 1; }

}  // namespace splitmask::SPLITMASK_SET
