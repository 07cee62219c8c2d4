# ffmpeg: a made film encoded, scaled and decoded by several threads
# needs: ffmpeg=ffmpeg
# used: asked
quiet=(ffmpeg -nostdin -hide_banner -loglevel error -y)
"${quiet[@]}" -f lavfi -i testsrc2=size=640x360:rate=25:duration=6 -f lavfi -i sine=frequency=440:duration=6 \
    -c:v mpeg4 -qscale:v 4 -threads 2 -c:a flac -bitexact film.mkv
"${quiet[@]}" -i film.mkv -vf scale=320:180,hflip -c:v ffv1 -threads 2 -slices 4 -bitexact small.mkv
"${quiet[@]}" -i small.mkv -f framemd5 - | grep -v '^#' | sha256sum
ffprobe -v error -show_entries stream=codec_name,nb_read_packets -count_packets -of csv=p=0 film.mkv
