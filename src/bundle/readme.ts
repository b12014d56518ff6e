/** For whoever opens a bundle and does not know what it is. The same for every bundle: what differs is in the list. */
export const README_TEXT = `This is a bundle of images for Incus and LXD, made by Headwater. It is a plain tar archive.

  bundle.json       what is in it: the size and the SHA-256 of every file, and the earlier bundles that it needs
  bundle.json.asc   the OpenPGP signature of bundle.json, when it was signed
  key.asc           the public key of that signature; believe it only when you have it from somewhere else too
  everything else   a simplestreams tree: streams/v1/index.json, and what it leads to

With Headwater:     headwater bundle show FILE; headwater bundle apply FILE --keyring KEY
In parts:           cat site.hwb.* > site.hwb
By hand:            gpgv --keyring ./key.gpg bundle.json.asc bundle.json, then compare the sums that bundle.json lists
Without Headwater:  unpack it, and serve the folder with any web server over https, as an image server of the
                    protocol "simplestreams". An increment is unpacked over the bundles that it needs, oldest first.
`;
