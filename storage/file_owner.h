// Whose the files of a database are. Private to the store.
#pragma once

#include <sys/stat.h>

#include <string>

namespace postern::storage {

// Returns what is known of the folder that `file` stands in; of the present user and group if it
// cannot be looked at.
struct stat FolderOf(const std::string& file);

// Gives a file that root made to the owner of its folder, so that `postern import` by root leaves a
// database that the daemon can open. Does nothing for other users.
void GiveToOwner(int descriptor, const struct stat& folder);

}  // namespace postern::storage
