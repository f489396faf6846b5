"""Which containers and pictures of videos are read."""

from __future__ import annotations

# How files are called that are videos; the data decides what they are.
SUFFIXES = tuple(
    ".3g2 .3gp .apng .asf .avi .dv .f4v .flv .gif .m2ts .m2v .m4v .mj2 .mkv .mov .mp4 .mpeg .mpg .mts .mxf "
    ".ogv .rm .rmvb .ts .vob .webm .wmv".split()
)
# Demuxers of files that hold all of their pictures themselves: no playlists, no devices, no folders.
CONTAINERS = (
    "apng,asf,avi,dv,flv,gif,h264,hevc,ivf,m4v,matroska,webm,mjpeg,mpeg,mpegts,mpegvideo,mxf,nut,obu,ogg,rm"
)
# Decoders by their names in libavcodec. The others are rare, and the less that strangers reach the better.
CODECS = frozenset(
    "apng av1 cinepak dnxhd dvvideo ffv1 flv gif h263 h264 hevc huffyuv jpeg2000 libdav1d libvpx libvpx-vp9 "
    "mjpeg mpeg1video mpeg2video mpeg4 msmpeg4v1 msmpeg4v2 msmpeg4 png prores qtrle rawvideo rv10 rv20 rv30 "
    "rv40 svq1 svq3 theora vc1 vp6 vp6f vp7 vp8 vp9 wmv1 wmv2 wmv3".split()
)


def is_video(name: str) -> bool:
    """Whether a file is called like a video."""
    return name.lower().endswith(SUFFIXES)
