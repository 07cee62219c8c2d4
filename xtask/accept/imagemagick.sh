# ImageMagick: a picture drawn, blurred, resized, written and read back
# needs: convert-im6.q16=imagemagick
# used: asked
convert-im6.q16 -size 900x600 plasma:tomato-steelblue -seed 7 noise.miff 2>/dev/null
convert-im6.q16 -size 900x600 gradient:navy-gold \( -size 900x600 pattern:checkerboard -blur 0x3 \) -compose multiply -composite \
    -swirl 60 -resize 700x500 -unsharp 0x2 -colors 64 picture.png
convert-im6.q16 picture.png -rotate 30 -depth 8 rgb:- | sha256sum
convert-im6.q16 picture.png -format '%w %h %k %z\n' info:
